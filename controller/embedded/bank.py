"""Example phrases as vectors: how close a clause is to each task, and to what is no task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from itertools import accumulate
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


def _by_label() -> dict[str, Sequence[str]]:
    phrases: dict[str, Sequence[str]] = {name: task.phrases for name, task in tasks().items()}
    for label in (TALK, KNOWLEDGE, BEYOND):
        phrases[label] = files("prompts").joinpath(f"{label}.txt").read_text(encoding="utf-8").splitlines()
    return phrases


class Bank:
    """The phrases of every task and of what is none, embedded once, on first use."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        # The labels in order, where the phrases of each start, and the phrases' vectors.
        self._loaded: tuple[tuple[str, ...], list[int], Vectors] | None = None
        self._once = asyncio.Lock()

    async def scores(self, texts: Sequence[str]) -> list[Mapping[str, float]]:
        """For each text, label → cosine of its nearest phrase; one call of `embed` for all texts."""
        labels, starts, matrix = await self._phrases()
        cosines = (await self._embed(texts)) @ matrix.T
        best = np.maximum.reduceat(cosines, starts, axis=1)
        return [dict(zip(labels, row.tolist(), strict=True)) for row in best]

    async def _phrases(self) -> tuple[tuple[str, ...], list[int], Vectors]:
        async with self._once:
            if self._loaded is None:
                phrases = _by_label()
                spoken = [" ".join(map(normal, p.split())) for group in phrases.values() for p in group]
                starts = [0, *accumulate(len(group) for group in phrases.values())][:-1]
                self._loaded = tuple(phrases), starts, await self._embed(spoken)
            return self._loaded
