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
    phrases = (
        "remove the noise from the audio",
        "clean up the background noise in the recording",
        "denoise the audio",
        "enhance the speech in the recording",
        "get rid of the hiss in the audio",
        "improve the sound quality of the audio",
        "make the voice in the recording clearer",
        "separate the vocals from the music",
        "isolate the voice in the audio",
        "convert the voice in the audio to another voice",
        "take the humming out of the recording",
        "make the audio louder",
        "restore this old recording",
        "split the speakers into separate tracks",
    )
    cues = (
        r"\bdenois\w+\b",
        r"\benhance\b.*\b(?:audio|speech|voice|recording)\b",
        r"\b(?:noise|hiss|hum|static)\b",
    )
