from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.task import Input, Task
from deployments.tasks.text_generation import generate
from deployments.values import Output


class Conversational(Task):
    name = "conversational"
    description = "Reply to a message, as in a chat."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Tell me a joke.",
    }
    answer = "The reply:"
    candidate = "HuggingFaceTB/SmolLM2-135M-Instruct"
    phrases = (
        "tell me a joke",
        "tell me something funny",
        "chat with me about my day",
        "give me some advice",
        "reply to this message",
        "respond to this text",
        "make me laugh",
        "share a fun fact",
        "keep a conversation about travelling",
        "what would you answer to this text",
    )
    cues = (r"\bjokes?\b",)
    pipeline = "text-generation"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        return generate(pipe, inputs["text"])
