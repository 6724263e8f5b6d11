from deployments.task import Input, Task


class MlsdControl(Task):
    name = "mlsd-control"
    description = "Make an image of the straight lines (MLSD)."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The straight-line image:"
    candidate = "a line detector with safetensors weights"
