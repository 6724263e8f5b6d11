from deployments.task import Input, Task


class Text2textGeneration(Task):
    name = "text2text-generation"
    description = "Rewrite a text as an instruction says: paraphrase, correct, simplify."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Correct the grammar: he go to school.",
    }
    answer = "The rewritten text:"
    candidate = "google/flan-t5-small"
