from deployments.task import Input, Task


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
    pipeline = "automatic-speech-recognition"
