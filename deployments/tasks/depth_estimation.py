from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.picture import from_pil, to_pil
from deployments.task import Input, Task
from deployments.values import Output


class DepthEstimation(Task):
    name = "depth-estimation"
    description = "Estimate how far away everything in an image is; make a depth map."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The depth map:"
    candidate = "depth-anything/Depth-Anything-V2-Small-hf"
    phrases = (
        "estimate the depth of the image",
        "depth map of the image",
        "how far away are the objects in the picture",
        "which things are near and which are far in the photo",
        "give me a depth map",
        "make a depth image",
        "measure the distance of everything in the image",
        "predict the depth of the scene",
        "show what is close to the camera and what is in the background",
    )
    cues = (
        r"\bdepth\b",
        r"\bhow far\b",
    )
    pipeline = "depth-estimation"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        return Output(image=from_pil(pipe(to_pil(inputs["image"]))["depth"]))
