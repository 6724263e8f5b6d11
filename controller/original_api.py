"""The reply shapes of the original HuggingGPT server, so that its clients keep working."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controller.schema import Run, Step, StepResult

# What the original calls a result of each kind.
_NAMES = {"image": "generated image", "audio": "generated audio", "video": "generated video"}


def tasks(plan: Sequence[Step]) -> list[dict[str, Any]]:
    """POST /tasks: the plan, `dep` [-1] where a step needs none."""
    return [step.wire() for step in plan]


def results(run: Run) -> dict[str, Any]:
    """POST /results: by step id, the task, its result and the choice of model."""
    return {str(result.id): _result(result) for result in run.steps}


def message(run: Run) -> dict[str, Any]:
    """POST /hugginggpt: the answer."""
    return {"message": run.answer}


def _result(result: StepResult) -> dict[str, Any]:
    step = Step(task=result.task, id=result.id, dep=result.dep, args=result.args)
    return {
        "task": step.wire(),
        "inference result": _inference(result),
        "choose model result": {"id": result.model, "reason": result.reason},
    }


def _inference(result: StepResult) -> dict[str, Any]:
    if result.error is not None:
        return {"error": result.error.message}
    inference: dict[str, Any] = {_NAMES[artifact.kind]: artifact.url for artifact in result.artifacts}
    if result.text is not None:
        inference["generated text"] = result.text
    if result.data is not None:
        inference["predicted"] = result.data
    return inference
