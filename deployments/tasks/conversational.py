from deployments.task import Input, Task


class Conversational(Task):
    name = "conversational"
    description = "Reply to a message, as in a chat."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Tell me a joke.",
    }
    answer = "The reply:"
    candidate = "HuggingFaceTB/SmolLM2-135M-Instruct"
    pipeline = "text-generation"
