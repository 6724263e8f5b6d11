from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import PIL.Image
import PIL.ImageDraw

from deployments.picture import PALETTE, from_pil, to_pil
from deployments.task import Input, Task
from deployments.values import Image, Output


class ObjectDetection(Task):
    name = "object-detection"
    description = "Find the objects in an image, with boxes and labels; count them."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("text", "image")
    example = {
        "image": "photo.png",
    }
    answer = "Objects found in the image:"
    candidate = "hustvl/yolos-tiny"
    phrases = (
        "find the faces in the photo",
        "are there any dogs in the image and where",
        "which objects can be seen",
        "detect the objects in the image",
        "find the objects in the photo",
        "how many people are in the picture",
        "how many cars can you see in the photo",
        "count the animals in the picture",
        "what objects are in the image",
        "box every car in the picture",
        "locate the dogs in the photo",
        "draw bounding boxes around the faces",
        "list the things in the picture",
        "find all the bottles in the image",
        "where are the people in the image",
        "number of birds in the photo",
        "which items are on the table in the photo",
        "spot the traffic lights",
        "what things can be found in it",
    )
    cues = (
        r"\bhow many\b",
        r"\bbounding\b",
        r"\bobjects?\b",
        r"\bcount\b",
    )
    pipeline = "object-detection"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        picture = to_pil(inputs["image"])
        objects = [
            {
                "label": found["label"],
                "score": round(float(found["score"]), 4),
                # xmin, ymin, xmax, ymax in pixels
                "box": [int(side) for side in found["box"].values()],
            }
            for found in pipe(picture)
        ]
        counts = Counter(str(found["label"]) for found in objects)
        text = ", ".join(f"{count} {TIMES} {label}" for label, count in counts.most_common())
        return Output(data={"objects": objects}, text=text or "none", image=_drawn(picture, objects))


TIMES = "\N{MULTIPLICATION SIGN}"


def _drawn(picture: PIL.Image.Image, objects: list[dict[str, Any]]) -> Image:
    draw = PIL.ImageDraw.Draw(picture)
    thick = max(2, round(max(picture.size) / 300))
    colors = dict(
        zip(dict.fromkeys(found["label"] for found in objects), PALETTE * len(objects), strict=False)
    )
    for found in objects:
        color = colors[found["label"]]
        left, top, right, bottom = found["box"]
        draw.rectangle(
            (min(left, right), min(top, bottom), max(left, right), max(top, bottom)),
            outline=color,
            width=thick,
        )
        draw.text((left + thick + 2, top + thick), found["label"], fill=color, font_size=8 * thick)
    return from_pil(picture)
