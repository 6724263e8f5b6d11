from deployments.task import Input, Task


class Summarization(Task):
    name = "summarization"
    description = "Shorten a text to its main points."
    inputs = {
        "text": Input("text"),
        "sentences": Input("text", required=False, description="how many sentences to keep"),
    }
    outputs = ("text",)
    example = {
        "text": "The council voted on Tuesday to close the old bridge. It will stay shut for eighteen months. Engineers will replace its bearings. Buses will be rerouted.",
    }
    answer = "In short:"
    candidate = "sshleifer/distilbart-cnn-12-6"
