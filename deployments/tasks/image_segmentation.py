from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deployments.picture import PALETTE, rgb, to_pil
from deployments.task import Input, Task
from deployments.values import Image, Output


class ImageSegmentation(Task):
    name = "image-segmentation"
    description = "Outline the objects or regions of an image as masks; cut things out."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("text", "image")
    example = {
        "image": "photo.png",
    }
    answer = "Segments found in the image:"
    candidate = "nvidia/segformer-b0-finetuned-ade-512-512"
    phrases = (
        "remove the background and keep the person",
        "mask out the sky",
        "segment the image",
        "cut out the people in the image",
        "segment the photo into its parts",
        "masks for the things in the picture",
        "separate the person from the background",
        "outline the objects with masks",
        "isolate the car in the image",
        "divide the image into regions",
        "extract the dog from the photo",
        "give me a segmentation map",
        "crop out the foreground object exactly",
        "mark every region of the picture",
        "which pixels belong to the road",
    )
    cues = (
        r"\bsegment(?:s|ed|ation)?\b",
        r"\bcut (?:\S+ ){0,4}?out\b",
    )
    pipeline = "image-segmentation"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        found = pipe(to_pil(inputs["image"]))
        painted = rgb(inputs["image"]).astype(np.float32)
        segments: list[dict[str, Any]] = []
        for index, segment in enumerate(found):
            mask = np.asarray(segment["mask"]) > 0
            score = segment["score"]
            segments.append(
                {
                    "label": segment["label"],
                    "score": None if score is None else round(float(score), 4),
                    # Its part of the image's area.
                    "share": round(float(mask.mean()), 4),
                }
            )
            painted[mask] = 0.5 * painted[mask] + 0.5 * np.array(PALETTE[index % len(PALETTE)])
        names = ", ".join(f"{segment['label']} ({segment['share']:.0%} of the image)" for segment in segments)
        return Output(
            data={"segments": segments}, text=names or "none", image=Image(painted.astype(np.uint8))
        )
