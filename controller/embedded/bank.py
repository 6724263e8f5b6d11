"""Example phrases as vectors: how close a clause is to each task, and to what is no task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.embedded.words import normal
from deployments.task import tasks

# Rows of unit norm, float32 [texts, dimensions].
Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Awaitable[Vectors]]

# What is no task: the data files of `prompts/` that show how it sounds.
TALK: Final = "small_talk"
KNOWLEDGE: Final = "general_knowledge"
BEYOND: Final = "out_of_scope"


def _phrases() -> list[tuple[str, str]]:
    pairs = [(name, phrase) for name, task in tasks().items() for phrase in task.phrases]
    for label in (TALK, KNOWLEDGE, BEYOND):
        lines = files("prompts").joinpath(f"{label}.txt").read_text(encoding="utf-8").splitlines()
        pairs += [(label, line) for line in lines if line]
    return pairs


class Bank:
    """The phrases of every task and of what is none, embedded once, on first use."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._labels: NDArray[np.str_] | None = None
        self._matrix: Vectors | None = None
        self._once = asyncio.Lock()

    async def scores(self, texts: Sequence[str]) -> list[Mapping[str, float]]:
        """For each text, label → cosine of its nearest phrase; one call of `embed` for all texts."""
        labels, matrix = await self._loaded()
        cosines = (await self._embed(texts)) @ matrix.T
        names = dict.fromkeys(labels.tolist())
        return [{name: float(row[labels == name].max()) for name in names} for row in cosines]

    async def _loaded(self) -> tuple[NDArray[np.str_], Vectors]:
        async with self._once:
            if self._labels is None or self._matrix is None:
                pairs = _phrases()
                spoken = [" ".join(normal(word) for word in phrase.split()) for _, phrase in pairs]
                self._matrix = await self._embed(spoken)
                self._labels = np.array([label for label, _ in pairs])
            return self._labels, self._matrix
