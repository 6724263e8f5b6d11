from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.task import Input, Task
from deployments.values import Output


class TokenClassification(Task):
    name = "token-classification"
    description = "Find named entities (people, places, organisations, dates) or parts of speech in a text."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Ada Lovelace met Charles Babbage in London.",
    }
    answer = "Names found in the text:"
    candidate = "dslim/bert-base-NER"
    phrases = (
        "who is mentioned in the text",
        "which countries are named in the text",
        "get the dates and amounts out of the text",
        "what companies does it talk about",
        "find the names in the text",
        "extract the people and places from the text",
        "named entity recognition",
        "who are the people mentioned in the text",
        "tag the entities in the article",
        "which organizations are mentioned in this text",
        "list the persons, locations and dates in the text",
        "pull out the names of people and companies",
        "part of speech tagging",
        "find the nouns and verbs in the sentence",
        "what places does the text mention",
        "identify the entities",
        "which dates and companies appear in it",
        "underline the proper nouns",
        "extract all cities from the article",
    )
    cues = (
        r"\b(?:named )?entit(?:y|ies)\b",
        r"\bpart[- ]of[- ]speech\b",
    )
    pipeline = "token-classification"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        entities = [
            {
                "text": inputs["text"][found["start"] : found["end"]],
                "label": found["entity_group"],
                "score": round(float(found["score"]), 4),
                "start": int(found["start"]),
                "end": int(found["end"]),
            }
            for found in pipe(inputs["text"], aggregation_strategy="simple")
        ]
        named = ", ".join(f"{entity['text']} ({entity['label']})" for entity in entities)
        return Output(data={"entities": entities}, text=named or "none")
