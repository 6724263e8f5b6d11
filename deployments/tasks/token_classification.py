from deployments.task import Input, Task


class TokenClassification(Task):
    name = "token-classification"
    description = "Find named entities (people, places, organisations, dates) or parts of speech in a text."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Ada Lovelace met Charles Babbage in London.",
    }
    answer = "Names found in the text:"
    candidate = "dslim/bert-base-NER"
    pipeline = "token-classification"
