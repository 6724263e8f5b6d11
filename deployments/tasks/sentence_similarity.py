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
    phrases = (
        "is it the same to say this text and this text",
        "do these mean the same thing",
        "how similar are these sentences",
        "compare the meaning of the two texts",
        "do the two texts say the same thing",
        "are these sentences saying the same",
        "how close in meaning are this text and this text",
        "do this text and this text mean the same",
        "similarity score between the sentences",
        "is this text a paraphrase of this text",
        "compare this text with this text",
        "do these two pages say the same",
        "do the pages match",
        "are the two documents alike",
        "semantic similarity of the texts",
        "does the text differ from the other text in meaning",
        "compare it with this text",
    )
    cues = (
        r"\bsimilar(?:ity)?\b",
        r"\bsame (?:thing|meaning)\b",
        r"\bcompare\b",
        r"\bin meaning\b",
    )
