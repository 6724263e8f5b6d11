"""The controller's language model as one expert among the others, for tasks from text to text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Literal

from controller import prompts
from controller.errors import ExpertLost
from controller.fleet import Expert, Fleet, Pending, Upstream
from controller.llm import LLM
from deployments.call import Call, bind
from deployments.identity import Identity
from deployments.task import tasks
from deployments.values import Encoded, Output

NAME = "llm"
TASKS = (
    "conversational",
    "question-answering",
    "summarization",
    "text-generation",
    "text2text-generation",
    "translation",
)


class LLMIdentity(Identity):
    """No engine of a deployment: an entry of serve_config.yaml cannot ask for it."""

    engine: Literal["llm"] = "llm"  # type: ignore[assignment]


class LLMExpert(Expert):
    identity: LLMIdentity

    def where(self) -> str:
        return "cloud"


class LLMPending:
    """A text task that the language model does."""

    def __init__(self, task: asyncio.Task[Output]) -> None:
        self._task = task

    async def output(self) -> Output:
        """Raises LLMError, BadInput, TooLarge, and what the calls it waits for raise."""
        try:
            # Shielded: one who stops waiting must not stop the call for the others.
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            waiter = asyncio.current_task()
            if waiter is not None and waiter.cancelling():
                raise
            raise ExpertLost(f"the call of {NAME} was cancelled") from None

    def cancel(self) -> None:
        self._task.cancel()

    def result(self) -> Output:
        """The output of a call that is done."""
        return self._task.result()


class FleetWithLLM:
    """A fleet with one expert more."""

    def __init__(self, fleet: Fleet, llm: LLM) -> None:
        self._fleet = fleet
        self._llm = llm
        self._expert = LLMExpert(
            name=NAME,
            identity=LLMIdentity(
                model=llm.model("execute"),
                tasks=TASKS,
                description="The language model that plans; it writes, rewrites, sums up and translates.",
                license="see its provider",
                tags=("llm", "multilingual"),
            ),
            health="healthy",
            replicas=1,
        )
        self._latency: float | None = None

    async def experts(self) -> Sequence[Expert]:
        own = self._expert.model_copy(update={"latency": self._latency})
        return [*await self._fleet.experts(), own]

    def call(self, expert: Expert, call: Call, upstream: Sequence[Upstream]) -> Pending:
        """Start a call. What the language model itself gave goes to other experts by value."""
        if isinstance(expert, LLMExpert):
            return LLMPending(asyncio.create_task(self._run(call, upstream), name=f"llm step {call.step}"))
        values = [value.result() if isinstance(value, LLMPending) else value for value in upstream]
        return self._fleet.call(expert, call, values)

    def warm(self, expert: Expert) -> None:
        if not isinstance(expert, LLMExpert):
            self._fleet.warm(expert)

    async def _run(self, call: Call, upstream: Sequence[Upstream]) -> Output:
        known = [v if isinstance(v, Output | Encoded) else await v.output() for v in upstream]
        task = tasks()[call.task]
        messages = prompts.text_task(task, bind(task, call, known), self._llm.context_length)
        began = time.monotonic()
        text = (await self._llm.complete("execute", messages)).strip()
        self._latency = time.monotonic() - began
        return Output(text=text)
