"""Text in images by RapidOCR (PP-OCR models on onnxruntime), and questions about documents on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np
from rapidocr import RapidOCR

from deployments.engine import BaseEngine
from deployments.engines.documents import Line, answer, rows, text
from deployments.errors import BadInput
from deployments.identity import Identity
from deployments.picture import rgb
from deployments.values import Image, Output


class Engine(BaseEngine):
    """The models are files of the rapidocr package."""

    tasks: ClassVar[frozenset[str]] = frozenset({"document-question-answering", "image-to-text"})

    def __init__(self, identity: Identity) -> None:
        self._ocr = RapidOCR(params={"Global.log_level": "error"})
        # The library loads its models on first use: use them now.
        sample = np.full((64, 256, 3), 255, np.uint8)
        cv2.putText(sample, "Ready", (20, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 2)
        self._read(Image(sample))

    def predict(self, task: str, inputs: Mapping[str, Any]) -> Output:
        page = rows(self._read(inputs["image"]))
        if task == "image-to-text":
            data: dict[str, Any] = {"lines": [_json(line) for row in page for line in row]}
            return Output(data=data, text=text(page))
        question = str(inputs["text"]).strip()
        if not question:
            raise BadInput("there is no question to answer")
        if not page:
            raise BadInput("no text was found in the image, so it cannot answer a question")
        found = answer(question, page)
        if found is None:
            return Output(data={"answer": None}, text="The document does not seem to say.")
        data = {"answer": found.text, "score": found.score, "lines": [_json(line) for line in found.lines]}
        return Output(data=data, text=found.text)

    def _read(self, image: Image) -> list[Line]:
        # One of four types, by the stages that ran: all did.
        result: Any = self._ocr(cv2.cvtColor(rgb(image), cv2.COLOR_RGB2BGR))
        if result.txts is None:
            return []
        return [
            Line(words.strip(), float(score), tuple((round(float(x)), round(float(y))) for x, y in box))
            for words, score, box in zip(result.txts, result.scores, result.boxes, strict=True)
        ]


def _json(line: Line) -> dict[str, Any]:
    return {"text": line.text, "score": round(line.score, 4), "box": [list(corner) for corner in line.box]}
