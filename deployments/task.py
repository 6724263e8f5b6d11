"""The task base: a task type is one file in `deployments/tasks/` with one subclass of `Task`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from deployments.values import Kind, Output


@dataclass(frozen=True)
class Input:
    """One argument of a task. `many` takes a list of values; without it several texts are joined."""

    kind: Kind
    required: bool = True
    many: bool = False
    description: str = ""


class Task:
    """What a task takes and gives, in the hub's own names, and how a transformers pipeline serves it.

    Everything that depends on the task type: plan validation, planner prompts, the embedded planner's
    wording, the contract test, README's table, is derived from these attributes.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    inputs: ClassVar[Mapping[str, Input]]
    # Kinds the step can hand on, besides its structured result.
    outputs: ClassVar[tuple[Kind, ...]]
    # Input values of the contract test: text as it is, media as a file name in tests/data.
    example: ClassVar[Mapping[str, str | list[str]]]
    # Introduces the result in a composed answer; names of text inputs may appear in braces.
    answer: ClassVar[str]
    # A hub model that would bring the task, named when no expert for it is deployed.
    candidate: ClassVar[str]
    # Everyday wordings, for the embedded planner.
    phrases: ClassVar[tuple[str, ...]] = ()
    # Regular expressions of words that alone give the task away, for the embedded planner.
    cues: ClassVar[tuple[str, ...]] = ()
    # The transformers pipeline that serves the task, where there is one.
    pipeline: ClassVar[str | None] = None

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        """Run a loaded transformers pipeline. `inputs`: argument name → str, Image, Audio, Video or list."""
        raise NotImplementedError(f"{self.name} has no transformers pipeline")


@cache
def tasks() -> Mapping[str, Task]:
    """Every known task by name, from the files of `deployments.tasks`."""
    import deployments.tasks as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return {task.name: task() for task in sorted(Task.__subclasses__(), key=lambda task: task.name)}
