from deployments.task import Input, Task


class DepthTextToImage(Task):
    name = "depth-text-to-image"
    description = "Draw an image from a description, following a depth map."
    inputs = {
        "image": Input("image", description="a depth map to follow"),
        "text": Input("text", description="what to draw"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "a cosy wooden cabin",
    }
    answer = "The image drawn:"
    candidate = "lllyasviel/control_v11f1p_sd15_depth"
    phrases = (
        "draw a new image following the depth map",
        "use the depth to generate a new picture",
        "generate an image with the same depth as the photo",
        "create a picture from the depth map with the prompt",
        "paint this text using that depth",
    )
