"""Errors an expert raises. They cross Ray, so every argument goes to `super().__init__`.

ExpertError
├── BadInput      the input does not fit, or asks for what this expert cannot do
└── ModelFailure  the model failed on an input that fits; another expert may do better
"""

from __future__ import annotations

from typing import ClassVar


class ExpertError(Exception):
    """A call to an expert failed; the message is fit for the user."""

    code: ClassVar[str] = "expert_error"


class BadInput(ExpertError):
    """The input does not fit the task, or asks for what this expert cannot do."""

    code = "bad_input"


class ModelFailure(ExpertError):
    """The model failed on an input that fits."""

    code = "model_failure"
