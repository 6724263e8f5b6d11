from deployments.task import Input, Task


class DocumentQuestionAnswering(Task):
    name = "document-question-answering"
    description = "Answer a question about a document image: an invoice, a receipt, a form."
    inputs = {
        "image": Input("image"),
        "text": Input("text", description="the question"),
    }
    outputs = ("text",)
    example = {
        "image": "invoice.png",
        "text": "What is the total?",
    }
    answer = "The answer to “{text}”:"
    candidate = "naver-clova-ix/donut-base-finetuned-docvqa"
    pipeline = "document-question-answering"
