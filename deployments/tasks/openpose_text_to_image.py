from deployments.task import Input, Task


class OpenposeTextToImage(Task):
    name = "openpose-text-to-image"
    description = "Draw an image from a description, following body poses."
    inputs = {
        "image": Input("image", description="body poses to follow"),
        "text": Input("text", description="what to draw"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "a cosy wooden cabin",
    }
    answer = "The image drawn:"
    candidate = "lllyasviel/control_v11p_sd15_openpose"
