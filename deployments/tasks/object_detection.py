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
    phrases = (
        "detect the objects in the image",
        "find the objects in the photo",
        "how many people are in the picture",
        "how many cars can you see in the photo",
        "count the animals in the picture",
        "what objects are in the image",
        "box every car in the picture",
        "locate the dogs in the photo",
        "draw bounding boxes around the faces",
        "list the things in the picture",
        "find all the bottles in the image",
        "where are the people in the image",
        "number of birds in the photo",
        "which items are on the table in the photo",
        "spot the traffic lights",
        "what things can be found in it",
    )
    cues = (
        r"\bhow many\b",
        r"\bbounding\b",
        r"\bobjects?\b",
        r"\bcount\b",
    )
    pipeline = "object-detection"
