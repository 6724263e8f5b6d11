from deployments.task import Input, Task


class TextClassification(Task):
    name = "text-classification"
    description = "Label a text, for example with its sentiment or topic."
    inputs = {
        "text": Input("text"),
        "labels": Input("text", required=False, many=True, description="the labels to choose from"),
    }
    outputs = ("text",)
    example = {
        "text": "I love this phone.",
    }
    answer = "The text was classified as:"
    candidate = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
    phrases = (
        "is the review positive or negative",
        "what is the sentiment of the text",
        "classify the text",
        "is the message spam",
        "what is the topic of the article",
        "is the tweet angry or happy",
        "what emotion does the text express",
        "how does the writer feel",
        "sort the text into categories",
        "is the comment toxic",
        "label the text as sports or politics",
        "what is the tone of the email",
        "sentiment analysis",
        "is the feedback good or bad",
        "does the customer sound satisfied in the text",
        "what language is the text written in",
    )
    cues = (
        r"\bsentiment\b",
        r"\bpositive or negative\b",
        r"\bspam\b",
    )
    pipeline = "text-classification"
