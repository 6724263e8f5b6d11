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
    phrases = (
        "detect the straight lines in the image",
        "mlsd lines of the image",
        "make an image of the straight lines",
        "extract line segments from the photo",
        "wireframe of the building in the photo",
        "straight line map of the room",
    )
    cues = (
        r"\bmlsd\b",
        r"\bstraight[- ]lines?\b",
    )
