from deployments.task import Input, Task


class TextToImage(Task):
    name = "text-to-image"
    description = "Draw an image from a description."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("image",)
    example = {
        "text": "a watercolor fox in the snow",
    }
    answer = "The image drawn:"
    candidate = "segmind/tiny-sd"
