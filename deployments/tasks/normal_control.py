from deployments.task import Input, Task


class NormalControl(Task):
    name = "normal-control"
    description = "Make a surface normal map."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The normal map:"
    candidate = "prs-eth/marigold-normals-v1-1"
    phrases = (
        "make a surface normal map",
        "normal map of the image",
        "surface normals of the photo",
        "estimate the normals of the picture",
        "compute a normal map",
    )
    cues = (
        r"\bnormal[- ]map\b",
        r"\bsurface normals?\b",
    )
