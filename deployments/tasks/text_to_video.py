from deployments.task import Input, Task


class TextToVideo(Task):
    name = "text-to-video"
    description = "Make a video from a description."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("video",)
    example = {
        "text": "a rocket landing on mars",
    }
    answer = "The video made:"
    candidate = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
    phrases = (
        "make a video",
        "make a short clip of a rocket landing",
        "generate a video of a dog running",
        "create an animation of waves",
        "turn the text into a video",
        "a video of people dancing",
        "animate this text",
        "film a sunrise over the sea",
        "produce a movie scene of a car chase",
        "make a video about the story",
        "short video clip",
        "video from the description",
        "generate a gif of a cat",
    )
    cues = (
        r"\b(?:video|animation|gif)\b",
        r"\banimate\b",
        r"\bclip of\b",
    )
