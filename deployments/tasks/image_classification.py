from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.picture import to_pil
from deployments.task import Input, Task
from deployments.values import Output


class ImageClassification(Task):
    name = "image-classification"
    description = "Label an image with what it shows."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("text",)
    example = {
        "image": "photo.png",
    }
    answer = "The image was classified as:"
    candidate = "google/vit-base-patch16-224"
    phrases = (
        "classify the image",
        "what category does the image belong to",
        "what breed of dog is in the photo",
        "what kind of animal is this",
        "what species of bird is in the picture",
        "is the image a cat or a dog",
        "label the image",
        "what type of flower is this",
        "which class is the photo in",
        "identify the plant in the picture",
        "recognize what this is a photo of",
        "tell me what model of car is in the image",
        "is the photo taken indoors or outdoors",
        "what sort of thing is shown in the image",
    )
    cues = (
        r"\bclassif(?:y|ication)\b",
        r"\b(?:breed|species)\b",
    )
    pipeline = "image-classification"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        scored = pipe(to_pil(inputs["image"]), top_k=5)
        labels = [{"label": item["label"], "score": round(float(item["score"]), 4)} for item in scored]
        return Output(data={"labels": labels}, text=f"{labels[0]['label']} ({labels[0]['score']:.0%})")
