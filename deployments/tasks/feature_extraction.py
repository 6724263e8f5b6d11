from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deployments.task import Input, Task
from deployments.values import Output


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

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        # One array [1, tokens, d] a text: the mean over its tokens, of length 1.
        means = [np.asarray(tokens)[0].mean(0) for tokens in pipe(inputs["text"], truncation=True)]
        return Output(data=[(mean / np.linalg.norm(mean)).tolist() for mean in means])
