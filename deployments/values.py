"""What flows between steps. Media are plain arrays, so Ray moves them without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from deployments.errors import BadInput

Kind = Literal["text", "image", "audio", "video"]

# Whatever json.dumps takes.
Json = Any


@dataclass(frozen=True)
class Image:
    """pixels: uint8 [height, width, 3 or 4], RGB or RGBA."""

    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Audio:
    """samples: float32 [n] mono in [-1, 1]; rate: samples per second."""

    samples: NDArray[np.float32]
    rate: int


@dataclass(frozen=True)
class Video:
    """frames: uint8 [n, height, width, 3] RGB; fps: frames per second."""

    frames: NDArray[np.uint8]
    fps: float


Value = str | Image | Audio | Video


@dataclass(frozen=True)
class Encoded:
    """A file as it was attached, already checked by the media guard; the expert decodes it."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class Output:
    """What a step produced: `data` is the structured result, the rest feeds later steps.

    `text` is the result in words (labels, an answer, a transcript), whatever the task.
    """

    data: Json = None
    text: str | None = None
    image: Image | None = None
    audio: Audio | None = None
    video: Video | None = None

    def get(self, kind: Kind) -> Value:
        """The value of this kind. Raises BadInput where the step produced none."""
        value: Value | None = getattr(self, kind)
        if value is None:
            raise BadInput(f"an earlier step was expected to produce {kind} and did not")
        return value
