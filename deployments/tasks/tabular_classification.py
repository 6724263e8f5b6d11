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
