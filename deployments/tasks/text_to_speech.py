from deployments.task import Input, Task


class TextToSpeech(Task):
    name = "text-to-speech"
    description = "Speak a text aloud."
    inputs = {
        "text": Input("text"),
        "language": Input("text", required=False, description="the language or voice to speak with"),
    }
    outputs = ("audio",)
    example = {
        "text": "Dinner is ready.",
    }
    answer = "The speech:"
    candidate = "facebook/mms-tts-eng"
    pipeline = "text-to-audio"
