"""Who an expert is: the `args:` of its application in serve_config.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from deployments.task import tasks


class Identity(BaseModel):
    """One expert model. Replicas and GPUs are not here: they are Serve's, under `deployments:`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["espeak", "minilm", "opencv", "rapidocr", "transformers"]
    # A hub id or a local folder; the name of the program for engines that are one.
    model: str
    # A commit SHA on the hub, a version otherwise; None only for a local folder.
    revision: str | None = None
    tasks: tuple[str, ...] = Field(min_length=1)
    description: str
    license: str
    tags: tuple[str, ...] = ()
    # Hub downloads and parameters when the entry was written: they rank and describe candidates.
    downloads: int = Field(default=0, ge=0)
    parameters: int | None = Field(default=None, gt=0)

    @field_validator("tasks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in tasks()]
        if unknown:
            raise ValueError(f"unknown task {', '.join(unknown)}; known: {', '.join(tasks())}")
        return names
