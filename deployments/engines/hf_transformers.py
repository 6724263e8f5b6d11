"""Any model of the hub or of a local folder, for the tasks that transformers has a pipeline for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import transformers

from deployments.engine import BaseEngine
from deployments.engines import hub
from deployments.identity import Identity
from deployments.task import tasks
from deployments.values import Output


class Engine(BaseEngine):
    """One pipeline; the task types say how it is called and what its results mean.

    Weights are read from safetensors only, and no code of the model's repository is ever run.
    """

    tasks: ClassVar[frozenset[str]] = frozenset(name for name, task in tasks().items() if task.pipeline)

    def __init__(self, identity: Identity) -> None:
        kinds = {tasks()[name].pipeline for name in identity.tasks}
        if len(kinds) > 1:
            raise ValueError(f"one expert runs one pipeline; {', '.join(identity.tasks)} need several")
        model, revision = hub.source(identity)
        cuda = torch.cuda.is_available()
        # Its overloads know each pipeline by a literal name.
        load: Any = transformers.pipeline
        self._pipe = load(
            kinds.pop(),
            model=model,
            revision=revision,
            trust_remote_code=False,
            device="cuda" if cuda else "cpu",
            # Half precision is what a GPU likes and what a CPU is slow at.
            dtype="auto" if cuda else torch.float32,
            model_kwargs={"use_safetensors": True},
        )

    def predict(self, task: str, inputs: Mapping[str, Any]) -> Output:
        with torch.inference_mode():
            return tasks()[task].predict(self._pipe, inputs)
