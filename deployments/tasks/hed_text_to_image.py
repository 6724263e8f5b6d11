from deployments.task import Input, Task


class HedTextToImage(Task):
    name = "hed-text-to-image"
    description = "Draw an image from a description, following soft (HED) edges."
    inputs = {
        "image": Input("image", description="soft (HED) edges to follow"),
        "text": Input("text", description="what to draw"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "a cosy wooden cabin",
    }
    answer = "The image drawn:"
    candidate = "lllyasviel/control_v11p_sd15_softedge"
    phrases = (
        "draw a new image following the soft edges",
        "use the hed map to generate a new picture",
        "generate an image with the same soft edges as the photo",
        "create a picture from the hed image with the prompt",
    )
