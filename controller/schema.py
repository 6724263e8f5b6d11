"""The values that pass between the stages: request → plan → results → answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from deployments.values import Kind


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resource(_Value):
    """A file of the conversation. `id` is its file id in the store, None where it is only named in words.

    interim: an answer went on from it to another of its kind, which is what "it" means now.
    """

    name: str
    kind: Kind
    id: str | None = None
    interim: bool = False


class Turn(_Value):
    """An earlier message. `result` is the text a past answer produced, where its run is on record."""

    role: Literal["user", "assistant"]
    text: str
    resources: tuple[Resource, ...] = ()
    result: str | None = None


class Request(_Value):
    """What the user asks now; `resources` came with it, older ones are in `history` (oldest turn first)."""

    id: str
    text: str
    resources: tuple[Resource, ...] = ()
    history: tuple[Turn, ...] = ()


class Step(_Value):
    """One task of a plan, in the paper's form.

    An argument is literal text, the name of a resource, or references `<GENERATED>-id` to earlier steps;
    a list gives several values.
    """

    task: str
    id: int = Field(ge=0)
    dep: tuple[int, ...] = ()
    args: dict[str, str | list[str]]

    def wire(self) -> dict[str, Any]:
        """The original's JSON: `dep` is [-1] where there is none."""
        return {"task": self.task, "id": self.id, "dep": list(self.dep) or [-1], "args": self.args}


class Artifact(_Value):
    """A file a step produced; `url` is where the user can fetch it."""

    id: str
    name: str
    kind: Kind
    media_type: str
    bytes: int
    url: str


class Failure(_Value):
    """Why a step has no result."""

    code: str
    message: str


class Attempt(_Value):
    """An expert that was tried for a step before the one that the step records."""

    expert: str
    error: Failure


class Planned(_Value):
    """The plan is complete."""

    steps: tuple[Step, ...]


class StepStarted(_Value):
    """An expert was called for a step."""

    id: int
    task: str
    expert: str
    reason: str


class StepResult(_Value):
    """How a step went. Times are seconds since the request came in."""

    request_id: str
    task: str
    id: int
    dep: tuple[int, ...]
    args: dict[str, str | list[str]]
    status: Literal["ok", "failed", "skipped"]
    expert: str | None = None
    model: str | None = None
    reason: str | None = None
    started: float | None = None
    finished: float | None = None
    text: str | None = None
    data: Any = None
    artifacts: tuple[Artifact, ...] = ()
    error: Failure | None = None
    attempts: tuple[Attempt, ...] = ()


class Timings(_Value):
    """Seconds each stage took; stages may overlap."""

    plan: float = 0.0
    select: float = 0.0
    execute: float = 0.0
    respond: float = 0.0
    total: float = 0.0


class Run(_Value):
    """The record of one request: the `hugginggpt` object of a reply."""

    request_id: str
    planner: str
    # What the user should know about how it went, such as a fall-back to the embedded planner.
    notes: tuple[str, ...] = ()
    plan: tuple[Step, ...]
    steps: tuple[StepResult, ...]
    timings: Timings
    answer: str
