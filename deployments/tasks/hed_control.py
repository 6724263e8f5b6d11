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
    phrases = (
        "make a soft edge image",
        "hed map of the image",
        "hed edges of the photo",
        "holistically nested edge detection",
        "extract soft edges from the picture",
        "soft outline of the image",
    )
    cues = (
        r"\bhed\b",
        r"\bsoft edges?\b",
    )
