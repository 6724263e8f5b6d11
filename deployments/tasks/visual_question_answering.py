from deployments.task import Input, Task


class VisualQuestionAnswering(Task):
    name = "visual-question-answering"
    description = "Answer a question about an image."
    inputs = {
        "image": Input("image"),
        "text": Input("text", description="the question"),
    }
    outputs = ("text",)
    example = {
        "image": "photo.png",
        "text": "What colour is the door?",
    }
    answer = "The answer to “{text}”:"
    candidate = "HuggingFaceTB/SmolVLM-256M-Instruct"
