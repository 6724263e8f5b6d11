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
    phrases = (
        "draw a new image in the same pose as the person in the photo",
        "generate a picture where her pose is the same as in the image",
        "use the pose to generate a new picture",
        "a picture of someone standing like the man in the image",
        "create an image with the pose of the photo and the prompt",
        "a robot with the pose of the dancer in the picture",
    )
