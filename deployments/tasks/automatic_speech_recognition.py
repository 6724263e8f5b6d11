from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.media import resample
from deployments.task import Input, Task
from deployments.values import Output


class AutomaticSpeechRecognition(Task):
    name = "automatic-speech-recognition"
    description = "Write down what is said in an audio recording."
    inputs = {
        "audio": Input("audio"),
    }
    outputs = ("text",)
    example = {
        "audio": "speech.wav",
    }
    answer = "What was said:"
    candidate = "openai/whisper-tiny"
    phrases = (
        "type it up",
        "type up the voicemail",
        "a written version of the call",
        "write up the interview",
        "get me the words of the recording",
        "put what he says on paper",
        "transcribe the audio",
        "write down what is said in the recording",
        "what are they saying in the audio",
        "what does the speaker say",
        "turn the speech into text",
        "convert the audio to text",
        "give me a transcript of the recording",
        "type out the interview",
        "what is being said in the audio",
        "dictate the voice memo into text",
        "subtitles for the audio",
        "tell me the words spoken in the clip",
        "put the recording into writing",
        "what did he say in the voice message",
        "write out what they said",
        "recognize the speech in the audio",
        "what are the lyrics of the song",
    )
    cues = (
        r"\btranscri(?:be|pt|ption)\b",
        r"\bspeech[- ]to[- ]text\b",
        r"\b(?:write|writ\w+|type|note) (?:down|out) (?:what|everything|all)\b",
    )
    pipeline = "automatic-speech-recognition"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        audio = resample(inputs["audio"], pipe.feature_extractor.sampling_rate)
        seconds = len(audio.samples) / audio.rate
        # Beyond its window of 30 s Whisper goes on from the time stamps it predicts.
        more = {"return_timestamps": True} if pipe.type == "seq2seq_whisper" and seconds > 30 else {}
        said = pipe({"raw": audio.samples, "sampling_rate": audio.rate}, **more)["text"].strip()
        return Output(data={"text": said, "seconds": round(seconds, 2)}, text=said)
