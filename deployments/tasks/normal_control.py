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
