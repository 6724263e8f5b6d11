from deployments.task import Input, Task


class MlsdTextToImage(Task):
    name = "mlsd-text-to-image"
    description = "Draw an image from a description, following straight lines (MLSD)."
    inputs = {
        "image": Input("image", description="straight lines (MLSD) to follow"),
        "text": Input("text", description="what to draw"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "a cosy wooden cabin",
    }
    answer = "The image drawn:"
    candidate = "lllyasviel/control_v11p_sd15_mlsd"
    phrases = (
        "draw a new image following the straight lines",
        "use the mlsd lines to generate a new picture",
        "generate an image with the same straight lines as the photo",
        "create a picture from the line segments with the prompt",
    )
