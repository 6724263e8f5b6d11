from deployments.task import Input, Task


class QuestionAnswering(Task):
    name = "question-answering"
    description = "Answer a question from a given text."
    inputs = {
        "text": Input("text", description="the question"),
        "context": Input("text", required=False, description="the text that holds the answer"),
    }
    outputs = ("text",)
    example = {
        "text": "How long is the Nile?",
        "context": "The Nile is about 6650 km long and flows north.",
    }
    answer = "The answer to “{text}”:"
    candidate = "distilbert/distilbert-base-cased-distilled-squad"
