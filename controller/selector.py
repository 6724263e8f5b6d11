"""Stage 2, model selection: which expert runs a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.errors import NoExpert
from controller.fleet import Expert, Fleet
from controller.schema import Request, Step
from deployments.task import tasks


@dataclass(frozen=True)
class Choice:
    """`spares` run in this order where `expert` fails."""

    expert: Expert
    reason: str
    spares: tuple[Expert, ...] = ()


class Selector(Protocol):
    async def select(self, request: Request, step: Step, candidates: Sequence[Expert]) -> Choice:
        """Choose among `candidates`: at least one, best-ranked first, all of which serve the step's task."""


class RankSelector:
    """Takes the best-ranked candidate."""

    async def select(self, request: Request, step: Step, candidates: Sequence[Expert]) -> Choice:
        best, *spares = candidates
        reason = "the only expert for the task" if not spares else f"ranked first of {len(candidates)}"
        return Choice(best, reason, tuple(spares))


def rank(task: str, experts: Sequence[Expert]) -> tuple[Expert, ...]:
    """The experts that serve a task: healthy before starting, here before cloud, downloads, warm before cold.

    Raises NoExpert where none does, or none that does is healthy.
    """
    serving = [expert for expert in experts if task in expert.identity.tasks]
    if not serving:
        raise NoExpert(_missing(task))
    usable = [expert for expert in serving if expert.health != "unhealthy"]
    if not usable:
        faults = "; ".join(f"{expert.name}: {expert.message or 'unhealthy'}" for expert in serving)
        raise NoExpert(f"no expert for {task} is healthy ({faults})")
    return tuple(sorted(usable, key=_order))


async def available_tasks(fleet: Fleet) -> Sequence[str]:
    """Names of the tasks that some expert serves now."""
    experts = [expert for expert in await fleet.experts() if expert.health != "unhealthy"]
    return sorted({task for expert in experts for task in expert.identity.tasks})


def _order(expert: Expert) -> tuple[bool, bool, int, bool, str]:
    unhealthy, cloud = expert.health != "healthy", expert.where() == "cloud"
    return (unhealthy, cloud, -expert.identity.downloads, expert.replicas == 0, expert.name)


def _missing(task: str) -> str:
    candidate = tasks()[task].candidate
    if "/" not in candidate or " " in candidate:
        hint = f"It takes {candidate}, as an entry under `applications:` in serve_config.yaml."
    else:
        hint = (
            "An entry under `applications:` in serve_config.yaml brings it, with `args:` such as "
            f"{{engine: transformers, model: {candidate}, revision: <commit>, tasks: [{task}]}}."
        )
    return f"no expert for {task} is deployed. {hint}"
