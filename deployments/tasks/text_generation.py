from deployments.task import Input, Task


class TextGeneration(Task):
    name = "text-generation"
    description = "Continue a text or write one: a story, a poem, an email, code."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Write a short poem about the sea.",
    }
    answer = "The text written:"
    candidate = "Qwen/Qwen2.5-0.5B-Instruct"
    pipeline = "text-generation"
