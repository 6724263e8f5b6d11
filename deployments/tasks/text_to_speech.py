from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deployments.errors import ModelFailure
from deployments.task import Input, Task
from deployments.values import Audio, Output


class TextToSpeech(Task):
    name = "text-to-speech"
    description = "Speak a text aloud."
    inputs = {
        "text": Input("text"),
        "language": Input("text", required=False, description="the language or voice to speak with"),
    }
    outputs = ("audio",)
    example = {
        "text": "Dinner is ready.",
    }
    answer = "The speech:"
    candidate = "facebook/mms-tts-eng"
    phrases = (
        "read the text aloud",
        "say it out loud",
        "speak the text",
        "read it to me",
        "say this text out loud",
        "convert the text to speech",
        "narrate the story",
        "read it out",
        "say them",
        "I want to hear it",
        "turn the text into audio",
        "make an audio version of the text",
        "speak it",
        "pronounce this text",
        "let me listen to the summary",
        "give me the answer as a voice message",
        "read me the answer",
        "voice over for the text",
        "generate audio",
        "generate speech from this text",
        "record yourself saying this text",
        "I would like to hear what it says",
        "dictate it aloud",
        "recite the poem",
        "an audio file of it",
        "use your voice to say this text",
        "put it in an mp3",
    )
    cues = (
        r"\b(?:narrate|recite|pronounce)\b",
        r"\btext[- ]to[- ]speech\b",
        r"\bto speech\b",
        r"\b(?:aloud|out loud)\b",
    )
    pipeline = "text-to-audio"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        if inputs.get("language"):
            # Another expert may have the voice.
            raise ModelFailure("a voice cannot be chosen with this model")
        spoken = pipe(inputs["text"])
        rate = int(spoken["sampling_rate"])
        samples = np.asarray(spoken["audio"], dtype=np.float32).reshape(-1)
        data = {"seconds": round(len(samples) / rate, 2), "rate": rate}
        return Output(data=data, text=inputs["text"], audio=Audio(samples, rate))
