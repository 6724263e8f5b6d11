from deployments.task import Input, Task


class ImageToImage(Task):
    name = "image-to-image"
    description = "Edit an image as told: grayscale, resize, rotate, blur, sharpen, change style, enhance."
    inputs = {
        "image": Input("image"),
        "text": Input("text", required=False, description="what to change"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "make it grayscale",
    }
    answer = "The edited image:"
    candidate = "timbrooks/instruct-pix2pix"
