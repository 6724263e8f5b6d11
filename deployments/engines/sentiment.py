"""Plain examples of sentiment, from which a linear probe learns to read it off sentence embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

LABELS = ("positive", "negative", "neutral")

_SUBJECTS = (
    "The film",
    "This phone",
    "The food",
    "The service",
    "The hotel",
    "My flight",
    "The book",
    "The app",
    "The weather",
    "Our teacher",
    "The meeting",
    "My new job",
    "The delivery",
    "This company",
)
_REMARKS = {
    "positive": (
        "was wonderful.",
        "is great, I love it.",
        "was a real pleasure.",
        "exceeded all my expectations.",
        "made me very happy.",
        "was not bad at all.",
        "is the best I have ever had.",
        "works perfectly.",
        "was fast, friendly and helpful.",
        "turned out really well, thank you!",
        "is highly recommended.",
    ),
    "negative": (
        "was terrible.",
        "is awful, I hate it.",
        "was a complete disaster.",
        "did not meet my expectations.",
        "made me very angry.",
        "was not good at all.",
        "is the worst I have ever had.",
        "does not work.",
        "was slow, rude and useless.",
        "turned out badly, what a shame.",
        "was a waste of time and money.",
    ),
    "neutral": (
        "was on Tuesday.",
        "costs twenty euros.",
        "is in the second drawer.",
        "has three parts.",
        "was mentioned in the report.",
        "starts at nine o'clock.",
        "comes from Sweden.",
        "was changed in March.",
        "is described on page four.",
        "has a number and a date.",
        "is one of five.",
    ),
}
_MORE = {
    "positive": (
        "I am so happy today!",
        "We had a lovely time.",
        "Thank you so much for your help.",
        "Well done!",
        "I feel much better now.",
        "She was kind to everyone.",
        "What a beautiful day.",
        "I would buy it again.",
        "Congratulations on your success.",
        "It was worth every penny.",
        "Our sales grew strongly this year.",
        "No complaints whatsoever.",
        "I can't wait to come back.",
        "The pain is finally gone.",
    ),
    "negative": (
        "I am so sad today.",
        "We had a horrible time.",
        "I want my money back.",
        "Nobody answered my calls.",
        "I feel sick and tired.",
        "He was mean to everyone.",
        "What an ugly mess.",
        "I will never buy it again.",
        "Unfortunately we failed.",
        "It broke after two days.",
        "Our sales collapsed this year.",
        "I regret coming here.",
        "My order never arrived.",
        "The pain gets worse every day.",
    ),
    "neutral": (
        "The train leaves at ten.",
        "There are three chairs in the room.",
        "The bank is closed on Sunday.",
        "Water boils at a hundred degrees.",
        "She works in an office in Berlin.",
        "The report has ten pages.",
        "Please send the form by post.",
        "The river flows to the north.",
        "Our address has changed.",
        "The box is made of wood.",
        "He bought milk and bread.",
        "The next meeting is in May.",
        "Press the button to start.",
        "The map shows the old town.",
    ),
}


class Probe:
    """A ridge regression from embeddings to the labels, fitted on the examples."""

    def __init__(self, embed: Callable[[Sequence[str]], NDArray[np.float32]]) -> None:
        examples = [
            (f"{subject} {remark}", label)
            for label in LABELS
            for subject, remark in product(_SUBJECTS, _REMARKS[label])
        ]
        examples += [(text, label) for label in LABELS for text in _MORE[label] for _ in range(4)]
        vectors = _with_one(embed([text for text, _ in examples]))
        targets = np.array([[2.0 * (label == other) - 1 for other in LABELS] for _, label in examples])
        ridge = 2.0 * np.eye(vectors.shape[1])
        self._weights = np.linalg.solve(vectors.T @ vectors + ridge, vectors.T @ targets)

    def scores(self, vector: NDArray[np.float32]) -> dict[str, float]:
        """Label → probability, of one embedding."""
        # The regression gives values around -1 and 1; a factor of 4 makes those about 2 % and 98 %.
        logits = 4.0 * (_with_one(vector[None]) @ self._weights)[0] / 2
        weights = np.exp(logits - logits.max())
        return {label: float(weight) for label, weight in zip(LABELS, weights / weights.sum(), strict=True)}


def _with_one(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.hstack([vectors.astype(np.float64), np.ones((len(vectors), 1))])
