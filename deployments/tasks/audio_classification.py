from deployments.task import Input, Task


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
    pipeline = "audio-classification"
