from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.media import resample
from deployments.task import Input, Task
from deployments.values import Output


class AudioClassification(Task):
    name = "audio-classification"
    description = "Label a recording: language, emotion, speaker, kind of sound."
    inputs = {
        "audio": Input("audio"),
    }
    outputs = ("text",)
    example = {
        "audio": "speech.wav",
    }
    answer = "The recording was classified as:"
    candidate = "MIT/ast-finetuned-audioset-10-10-0.4593"
    phrases = (
        "is it a dog or a cat in the recording",
        "how does the caller feel",
        "does the speaker sound nervous",
        "what instrument is this",
        "is the speaker male or female",
        "what kind of sound is the audio",
        "what language is spoken in the audio",
        "what emotion does the speaker have",
        "is the speaker angry or happy",
        "is this voice a man or a woman",
        "identify the sound in the recording",
        "classify the audio",
        "what genre is this song",
        "which instrument is playing in the audio",
        "tell me what mood the voice in the recording has",
        "what can be heard in the recording, music or speech",
        "who is speaking in the audio",
        "detect the language of the recording",
        "label the audio clip",
        "what animal makes this noise in the audio",
    )
    pipeline = "audio-classification"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        audio = resample(inputs["audio"], pipe.feature_extractor.sampling_rate)
        scored = pipe({"raw": audio.samples, "sampling_rate": audio.rate}, top_k=5)
        labels = [{"label": item["label"], "score": round(float(item["score"]), 4)} for item in scored]
        return Output(data={"labels": labels}, text=f"{labels[0]['label']} ({labels[0]['score']:.0%})")
