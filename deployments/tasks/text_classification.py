from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.errors import BadInput
from deployments.task import Input, Task
from deployments.values import Output


class TextClassification(Task):
    name = "text-classification"
    description = "Label a text, for example with its sentiment or topic."
    inputs = {
        "text": Input("text"),
        "labels": Input("text", required=False, many=True, description="the labels to choose from"),
    }
    outputs = ("text",)
    example = {
        "text": "I love this phone.",
    }
    answer = "The text was classified as:"
    candidate = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
    phrases = (
        "is it a complaint or a compliment",
        "how angry is the customer in the email",
        "is this text formal or informal",
        "is the review positive or negative",
        "what is the sentiment of the text",
        "classify the text",
        "is the message spam",
        "what is the topic of the article",
        "is the tweet angry or happy",
        "what emotion does the text express",
        "how does the writer feel",
        "sort the text into categories",
        "is the comment toxic",
        "label the text as sports or politics",
        "what is the tone of the email",
        "sentiment analysis",
        "is the feedback good or bad",
        "does the customer sound satisfied in the text",
        "what language is the text written in",
    )
    cues = (
        r"\bsentiment\b",
        r"\bpositive or negative\b",
        r"\bspam\b",
    )
    pipeline = "text-classification"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        scored = pipe(inputs["text"], top_k=None, truncation=True)
        wanted = {label.casefold() for label in inputs.get("labels", [])}
        if wanted:
            known = ", ".join(item["label"] for item in scored)
            scored = [item for item in scored if item["label"].casefold() in wanted]
            if not scored:
                raise BadInput(f"this model knows the labels {known}")
        labels = [{"label": item["label"], "score": round(float(item["score"]), 4)} for item in scored]
        return Output(data={"labels": labels}, text=f"{labels[0]['label']} ({labels[0]['score']:.0%})")
