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
    phrases = (
        "make a canny edge image",
        "canny edges of the image",
        "detect the edges in the image",
        "extract the edges of the photo",
        "run canny edge detection on the picture",
        "give me an edge map of the image",
        "trace the outlines of the picture with canny",
        "show the contours of the photo",
        "find edges",
    )
    cues = (r"\bcanny\b",)
    cues = (r"\bcanny\b",)
    cues = (r"\bcanny\b",)
