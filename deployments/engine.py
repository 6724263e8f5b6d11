"""Engines: the programs and libraries that run models. One replica loads one, once, and serves its tasks."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from deployments.identity import Identity
from deployments.values import Output

# Engine name → module with a class `Engine`. Modules are imported when loaded: each brings a large library.
_MODULES = {
    "espeak": "espeak_ng",
    "minilm": "mini_lm",
    "opencv": "open_cv",
    "rapidocr": "rapid_ocr",
    "transformers": "hf_transformers",
}


class BaseEngine(ABC):
    """A loaded model. The constructor loads it and leaves nothing for the first call to load."""

    # The tasks this engine can serve; an identity names those it does serve.
    tasks: ClassVar[frozenset[str]]

    @abstractmethod
    def __init__(self, identity: Identity) -> None: ...

    @abstractmethod
    def predict(self, task: str, inputs: Mapping[str, Any]) -> Output:
        """Blocking; one call at a time. `inputs`: argument name → str, Image, Audio, or a list of them.

        Raises BadInput where the input does not fit; whatever else it raises is a failure of the model.
        """


def load(identity: Identity) -> BaseEngine:
    """The engine that the identity names, loaded.

    Raises ValueError where the engine does not serve a task of the identity, or the model is not pinned;
    whatever the library raises where the model cannot be loaded.
    """
    module = importlib.import_module(f"deployments.engines.{_MODULES[identity.engine]}")
    kind: type[BaseEngine] = module.Engine
    foreign = sorted(set(identity.tasks) - kind.tasks)
    if foreign:
        raise ValueError(
            f"the {identity.engine} engine does not serve {', '.join(foreign)}; "
            f"it serves {', '.join(sorted(kind.tasks))}"
        )
    return kind(identity)
