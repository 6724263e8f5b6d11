from deployments.task import Input, Task


class NormalTextToImage(Task):
    name = "normal-text-to-image"
    description = "Draw an image from a description, following a normal map."
    inputs = {
        "image": Input("image", description="a normal map to follow"),
        "text": Input("text", description="what to draw"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "a cosy wooden cabin",
    }
    answer = "The image drawn:"
    candidate = "lllyasviel/control_v11p_sd15_normalbae"
    phrases = (
        "draw a new image following the normal map",
        "use the surface normals to generate a new picture",
        "generate an image with the same normals as the photo",
        "create a picture from the normal map with the prompt",
    )
