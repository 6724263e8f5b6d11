from deployments.task import Input, Task


class TextClassification(Task):
    name = "text-classification"
    description = "Label a text, for example with its sentiment or topic."
    inputs = {
        "text": Input("text"),
        "labels": Input("text", required=False, many=True, description="the labels to choose from"),
    }
    outputs = ("text",)
    example = {
        "text": "I love this phone.",
    }
    answer = "The text was classified as:"
    candidate = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
    pipeline = "text-classification"
