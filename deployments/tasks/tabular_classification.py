from deployments.task import Input, Task


class TabularClassification(Task):
    name = "tabular-classification"
    description = "Predict the class of the rows of a table."
    inputs = {
        "image": Input("image", description="a picture of the table"),
    }
    outputs = ("text",)
    example = {
        "image": "table.png",
    }
    answer = "The rows were classified as:"
    candidate = "a scikit-learn model saved with skops"
    phrases = (
        "classify the rows of the table",
        "predict the class of each row in the table",
        "tabular classification of the table image",
        "categorize the records in the table",
        "classify the table in the image",
        "which class does every row of the spreadsheet belong to",
        "predict the label of the data in the table",
    )
    cues = (
        r"\bclass\w*\b.*\brows?\b",
        r"\btab(?:le|ular)\b.*\bclass",
        r"\bclass\w*\b.*\btab(?:le|ular)\b",
        r"\brows?\b.*\btable\b",
    )
