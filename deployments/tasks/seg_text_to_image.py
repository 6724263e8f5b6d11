from deployments.task import Input, Task


class SegTextToImage(Task):
    name = "seg-text-to-image"
    description = "Draw an image from a description, following a segmentation map."
    inputs = {
        "image": Input("image", description="a segmentation map to follow"),
        "text": Input("text", description="what to draw"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "a cosy wooden cabin",
    }
    answer = "The image drawn:"
    candidate = "lllyasviel/control_v11p_sd15_seg"
    phrases = (
        "draw a new image following the segmentation map",
        "use the segmentation to generate a new picture",
        "generate an image with the same segmentation as the photo",
        "create a picture from the segments with the prompt",
    )
