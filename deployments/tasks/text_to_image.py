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
    phrases = (
        "draw a picture",
        "draw me a fox in the snow",
        "generate an image of a castle",
        "paint a landscape",
        "show me a picture of a cat",
        "create an illustration of a dragon",
        "a picture of a sunset",
        "make an image of this text",
        "make a picture from this description",
        "draw this text",
        "sketch a sailing boat",
        "I want to see a photo of a robot",
        "illustrate the story",
        "create an image from the text",
        "design a logo with a bear",
        "visualize the description as a picture",
        "draw it",
        "imagine a city on the moon",
        "a new image with the prompt",
        "render a photorealistic spaceship",
        "an image",
        "draw a picture of the story",
    )
    cues = (
        r"\b(?:draw|paint|illustrate)\b",
        r"\b(?:generate|create|make|produce|design|render|want|need|(?:show|give|get) me) (?:me )?"
        r"(?:an?|some|another) (?:\w+ ){0,2}"
        r"(?:image|picture|photo|painting|drawing|illustration|poster|logo|portrait)\b",
        r"\b(?:picture|image|photo|illustration|painting|drawing) of\b",
    )
