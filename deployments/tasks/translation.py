from deployments.task import Input, Task


class Translation(Task):
    name = "translation"
    description = "Translate a text into another language."
    inputs = {
        "text": Input("text"),
        "language": Input("text", required=False, description="the language to translate into"),
    }
    outputs = ("text",)
    example = {
        "text": "Good morning.",
    }
    answer = "The translation:"
    candidate = "Helsinki-NLP/opus-mt-en-fr"
    phrases = (
        "translate the text",
        "translate this text into French",
        "translate it to Spanish",
        "what does this text mean in English",
        "how do you say this text in Italian",
        "put the text into German",
        "into Japanese",
        "say it in Spanish",
        "convert the text to Portuguese",
        "I need it in Dutch",
        "in English please",
        "give me the Polish version",
        "what is this text in Russian",
        "render the paragraph in Chinese",
        "the text in Hindi",
    )
    cues = (
        r"\btranslat(?:e|ion)\b",
        r"\bhow (?:do|would|to) (?:you |i )?say\b",
    )
