from deployments.task import Input, Task


class CannyTextToImage(Task):
    name = "canny-text-to-image"
    description = "Draw an image from a description, following canny edges."
    inputs = {
        "image": Input("image", description="canny edges to follow"),
        "text": Input("text", description="what to draw"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "a cosy wooden cabin",
    }
    answer = "The image drawn:"
    candidate = "lllyasviel/control_v11p_sd15_canny"
    phrases = (
        "draw a new image following the canny edges",
        "use the edges to generate a new picture",
        "generate an image with the same edges as the photo",
        "create a new picture from the canny image with the prompt",
        "paint this text based on the edge map",
    )
