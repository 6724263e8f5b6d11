from deployments.task import Input, Task


class ImageSegmentation(Task):
    name = "image-segmentation"
    description = "Outline the objects or regions of an image as masks; cut things out."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("text", "image")
    example = {
        "image": "photo.png",
    }
    answer = "Segments found in the image:"
    candidate = "nvidia/segformer-b0-finetuned-ade-512-512"
    pipeline = "image-segmentation"
