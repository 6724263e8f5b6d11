"""A language model as judge of plans, where several can be right: the paper's GPT-4 score."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from string import Template
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from controller import prompts
from controller.errors import PlanError
from controller.evaluation.datasets import Plan
from controller.llm import Message
from controller.partial import Scanner, parsed
from controller.schema import Request
from deployments.task import tasks

# Messages → the whole answer.
Complete = Callable[[list[Message]], Awaitable[str]]


class JudgeError(Exception):
    """The judge's answer is no verdict."""


class Verdict(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    choice: Literal["yes", "no"]
    reason: str = ""


class Judge:
    """Decides whether a plan is right for a request, from its tasks and dependencies alone."""

    def __init__(self, complete: Complete, model: str) -> None:
        self.model = model
        self._complete = complete
        template = Template(files("prompts").joinpath("judge.md").read_text(encoding="utf-8"))
        listed = "\n".join(f"- {name}: {task.description}" for name, task in tasks().items())
        self._system: Message = {"role": "system", "content": template.substitute(tasks=listed)}

    async def verdict(self, request: Request, plan: Plan) -> Verdict:
        """Raises JudgeError where the answer holds no verdict, and whatever asking the model raises."""
        earlier = [{"role": turn.role, "content": turn.text} for turn in request.history]
        asked = {"files": [file.name for file in request.resources], "earlier": earlier, "now": request.text}
        steps = [{"task": step.task, "id": step.id, "dep": list(step.dep) or [-1]} for step in plan]
        content = prompts.data("request", asked) + "\n" + prompts.data("plan", steps)
        answer = await self._complete([self._system, {"role": "user", "content": content}])
        try:
            found = [item for item in Scanner(key="choice").feed(answer) if isinstance(item, str)]
            return Verdict.model_validate(parsed(found[-1]))
        except (PlanError, IndexError, ValidationError):
            raise JudgeError(f"the judge {self.model} gave no verdict: {answer[:200]!r}") from None
