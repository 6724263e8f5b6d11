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
        "text": "The council voted on Tuesday to close the old bridge. "
        "It will stay shut for eighteen months. Engineers will replace its bearings. Buses will be rerouted.",
    }
    answer = "In short:"
    candidate = "sshleifer/distilbart-cnn-12-6"
    phrases = (
        "summarize the text",
        "give me a summary of the article",
        "summarize this in one sentence",
        "shorten the text to its main points",
        "the gist of the text",
        "key points of the report",
        "tl;dr",
        "what are the main points of the document",
        "make a short version of the text",
        "condense the article",
        "boil it down to two sentences",
        "give me an overview of what the text says",
        "in a nutshell what does it say",
        "sum it up",
        "a brief summary",
        "the key takeaways of the meeting",
        "abstract of the paper",
        "recap the document",
    )
    cues = (
        r"\bsummar\w+",
        r"\btl;?dr\b",
        r"\bgist\b",
        r"\bkey (?:points|takeaways)\b",
        r"\bsum (?:it|this|that|them|up)\b",
        r"\bin a nutshell\b",
    )
