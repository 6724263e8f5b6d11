from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.picture import to_pil
from deployments.task import Input, Task
from deployments.values import Output


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
    phrases = (
        "what is the total on the receipt",
        "what is the invoice number in the document",
        "when is the payment due on the bill",
        "who is the letter addressed to",
        "who signed the contract",
        "what is the date on the form",
        "how much is the tax on the invoice",
        "what address is given on the document",
        "what name is on the form",
        "which company issued the invoice",
        "look up the due date on the scan",
        "how much do I have to pay according to the bill",
        "what is the phone number on the business card",
        "find the account number in the scanned document",
        "what is the price of the soup on the menu",
        "when does the ticket expire",
        "answer this text from the document",
        "what time does the flyer say it starts",
    )
    pipeline = "document-question-answering"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        """For models that read the image themselves; those that need its words first find no OCR here."""
        found = pipe(image=to_pil(inputs["image"]), question=inputs["text"])[0]
        data = {"answer": found["answer"]}
        if "score" in found:
            data["score"] = round(float(found["score"]), 4)
        return Output(data=data, text=found["answer"])
