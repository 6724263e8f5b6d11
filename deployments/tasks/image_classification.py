from deployments.task import Input, Task


class ImageClassification(Task):
    name = "image-classification"
    description = "Label an image with what it shows."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("text",)
    example = {
        "image": "photo.png",
    }
    answer = "The image was classified as:"
    candidate = "google/vit-base-patch16-224"
    pipeline = "image-classification"
