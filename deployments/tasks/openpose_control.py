from deployments.task import Input, Task


class OpenposeControl(Task):
    name = "openpose-control"
    description = "Make an image of the body poses (OpenPose skeletons)."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The pose image:"
    candidate = "usyd-community/vitpose-base-simple"
