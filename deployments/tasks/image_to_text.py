from deployments.task import Input, Task


class ImageToText(Task):
    name = "image-to-text"
    description = "Say what an image shows, or read the text in it."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("text",)
    example = {
        "image": "sign.png",
    }
    answer = "From the image:"
    candidate = "HuggingFaceTB/SmolVLM-256M-Instruct"
