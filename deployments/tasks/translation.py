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
