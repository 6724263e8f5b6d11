from deployments.task import Input, Task


class QuestionAnswering(Task):
    name = "question-answering"
    description = "Answer a question from a given text."
    inputs = {
        "text": Input("text", description="the question"),
        "context": Input("text", required=False, description="the text that holds the answer"),
    }
    outputs = ("text",)
    example = {
        "text": "How long is the Nile?",
        "context": "The Nile is about 6650 km long and flows north.",
    }
    answer = "The answer to “{text}”:"
    candidate = "distilbert/distilbert-base-cased-distilled-squad"
    phrases = (
        "what is the notice period",
        "tell me what the text says about the deadline",
        "how much does it cost according to the text",
        "what is the name of the main character",
        "answer the question from the text",
        "according to the text, who is the author",
        "who wrote the report",
        "what does the text say about the price",
        "when did it happen according to the article",
        "find the answer in the document",
        "based on the text, how many people were there",
        "where does the story take place",
        "why did the company close according to the article",
        "look in the file and tell me the deadline",
        "what reason is given in the text",
        "which city is mentioned in the text",
        "answer this text using the text",
        "how long is it according to the passage",
    )
