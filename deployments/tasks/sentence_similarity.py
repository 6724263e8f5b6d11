from deployments.task import Input, Task


class SentenceSimilarity(Task):
    name = "sentence-similarity"
    description = "Score how close in meaning two or more texts are."
    inputs = {
        "text": Input("text", many=True, description="the texts to compare"),
    }
    outputs = ("text",)
    example = {
        "text": ["The shop is shut.", "The store is closed."],
    }
    answer = "Similarity of the texts:"
    candidate = "sentence-transformers/all-MiniLM-L6-v2"
