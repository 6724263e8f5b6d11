from deployments.task import Input, Task


class ObjectDetection(Task):
    name = "object-detection"
    description = "Find the objects in an image, with boxes and labels; count them."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("text", "image")
    example = {
        "image": "photo.png",
    }
    answer = "Objects found in the image:"
    candidate = "hustvl/yolos-tiny"
    pipeline = "object-detection"
