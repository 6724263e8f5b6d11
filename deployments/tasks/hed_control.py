from deployments.task import Input, Task


class HedControl(Task):
    name = "hed-control"
    description = "Make a soft edge (HED) image."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The HED edge image:"
    candidate = "an edge detector with safetensors weights"
