"""Classical image processing with OpenCV: edges, straight lines, and edits told in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.engine import BaseEngine
from deployments.engines.edits import canny, parse
from deployments.errors import BadInput
from deployments.identity import Identity
from deployments.picture import rgb
from deployments.values import Image, Output


class Engine(BaseEngine):
    """No model to load. Control images are white on black, three channels, as control networks take them."""

    tasks: ClassVar[frozenset[str]] = frozenset({"canny-control", "image-to-image", "mlsd-control"})

    def __init__(self, identity: Identity) -> None:
        pass

    def predict(self, task: str, inputs: Mapping[str, Any]) -> Output:
        image: Image = inputs["image"]
        if task == "image-to-image":
            return _edit(image, str(inputs.get("text", "")))
        drawn = canny(rgb(image)) if task == "canny-control" else _lines(rgb(image))
        return Output(image=Image(np.repeat(drawn[..., None], 3, axis=2)))


def _edit(image: Image, instruction: str) -> Output:
    if not instruction.strip():
        raise BadInput("say what to change in the image")
    edits, ignored = parse(instruction)
    pixels = image.pixels
    for edit in edits:
        pixels = edit.apply(pixels)
    names = [edit.name for edit in edits]
    data = {"edits": names, "ignored": ignored, "width": pixels.shape[1], "height": pixels.shape[0]}
    text = ", ".join(names)
    if ignored:
        text += f" (not done: {', '.join(ignored)})"
    return Output(data=data, text=text, image=Image(np.ascontiguousarray(pixels)))


def _lines(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    """uint8 [h, w, 3] RGB → [h, w], straight segments drawn in 255; what is short is left out."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    found = cv2.createLineSegmentDetector().detect(gray)[0]
    segments = np.empty((0, 4)) if found is None else found.reshape(-1, 4)
    drawn = np.zeros_like(gray)
    shortest = 0.02 * float(np.hypot(*gray.shape))
    for x0, y0, x1, y1 in segments:
        if np.hypot(x1 - x0, y1 - y0) >= shortest:
            cv2.line(drawn, (round(x0), round(y0)), (round(x1), round(y1)), 255, 1, cv2.LINE_AA)
    return drawn
