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
    phrases = (
        "get the embedding of the text",
        "compute embedding vectors for the sentences",
        "turn this text into a vector",
        "extract features from the text",
        "embed this text",
        "vectorize the text",
        "give me the feature vector of the text",
        "numeric representation of this sentence",
    )
    cues = (
        r"\bembedding",
        r"\bfeature vectors?\b",
        r"\bvectori[sz]e\b",
    )
    pipeline = "feature-extraction"
