"""The deployed experts, as the stages see them; `ray_fleet.py` is the one over Ray Serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from deployments.call import Call
from deployments.identity import Identity
from deployments.values import Encoded, Output


class Expert(BaseModel):
    """One deployed expert. `name` is its application's; `gpus` is the share of one replica."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    identity: Identity
    health: Literal["healthy", "starting", "unhealthy"]
    message: str = ""
    replicas: int
    nodes: tuple[str, ...] = ()
    gpus: float = 0.0
    # Seconds a call took lately; None until one was made.
    latency: float | None = None

    def where(self) -> str:
        return "warm" if self.replicas else "cold"


class Pending(Protocol):
    """A call under way. It can stand for its output as the input of another call, without being fetched."""

    async def output(self) -> Output:
        """Wait for the output. Raises ExpertError, StepError or LLMError."""

    def cancel(self) -> None:
        """Stop the call if it still runs."""


Upstream = Pending | Encoded | Output


class Fleet(Protocol):
    async def experts(self) -> Sequence[Expert]:
        """Every deployed expert, as of a moment ago."""

    def call(self, expert: Expert, call: Call, upstream: Sequence[Upstream]) -> Pending:
        """Start a call; `upstream` are the values of its slots."""

    def warm(self, expert: Expert) -> None:
        """Have an expert that is at zero replicas start one, without waiting."""
