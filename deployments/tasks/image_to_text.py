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
    phrases = (
        "describe the image",
        "caption the image",
        "what is in the image",
        "what does the picture show",
        "tell me about the photo",
        "read the text in the image",
        "read the image",
        "what does the sign say",
        "what does it say in the picture",
        "what is written in the image",
        "extract the text from the scan",
        "ocr the image",
        "transcribe the text in the photo",
        "write a caption for the picture",
        "give me a description of the photo",
        "what can you see in the picture",
        "explain what is happening in the image",
        "get the text out of the screenshot",
        "read the page",
        "read this",
        "digitize the handwritten note",
        "what is this a picture of",
        "turn the scanned page into text",
        "the text on the poster",
        "read any text in it",
        "type out what is printed on the label",
        "a short description of the picture",
        "read the sign to me",
        "read this invoice",
        "read the receipt",
        "read this document",
        "read my letter",
    )
    cues = (
        r"\bcaptions?\b",
        r"\bocr\b",
        r"\bdescri(?:be|ption)\b",
        r"\bread (?:\w+ ){0,2}(?:invoice|receipt|bill|letter|document|page|form|label)s?\b",
        r"\bread (?:\w+ ){0,2}(?:menu|sign|ticket|scan)s?\b",
        r"\bread (?:the|any|all|its) (?:text|words|writing)\b",
    )
