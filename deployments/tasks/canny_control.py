from deployments.task import Input, Task


class CannyControl(Task):
    name = "canny-control"
    description = "Make a canny edge image."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The canny edge image:"
    candidate = "an expert of the embedded opencv engine"
