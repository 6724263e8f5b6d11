from deployments.task import Input, Task


class FeatureExtraction(Task):
    name = "feature-extraction"
    description = "Turn texts into embedding vectors."
    inputs = {
        "text": Input("text", many=True),
    }
    outputs = ()
    example = {
        "text": ["The shop is shut.", "The store is closed."],
    }
    answer = "Embedding vectors:"
    candidate = "sentence-transformers/all-MiniLM-L6-v2"
    pipeline = "feature-extraction"
