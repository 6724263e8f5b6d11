from deployments.task import Input, Task


class AudioToAudio(Task):
    name = "audio-to-audio"
    description = "Change or clean a recording: remove noise, enhance, separate voices."
    inputs = {
        "audio": Input("audio"),
    }
    outputs = ("audio",)
    example = {
        "audio": "speech.wav",
    }
    answer = "The new recording:"
    candidate = "microsoft/speecht5_vc"
