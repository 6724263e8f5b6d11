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
    phrases = (
        "segment the image",
        "cut out the people in the image",
        "segment the photo into its parts",
        "masks for the things in the picture",
        "separate the person from the background",
        "outline the objects with masks",
        "isolate the car in the image",
        "divide the image into regions",
        "extract the dog from the photo",
        "give me a segmentation map",
        "crop out the foreground object exactly",
        "mark every region of the picture",
        "which pixels belong to the road",
    )
    cues = (
        r"\bsegment(?:s|ed|ation)?\b",
        r"\bcut (?:\S+ ){0,4}?out\b",
    )
    pipeline = "image-segmentation"
