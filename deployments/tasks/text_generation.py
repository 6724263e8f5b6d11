from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.task import Input, Task
from deployments.values import Output


class TextGeneration(Task):
    name = "text-generation"
    description = "Continue a text or write one: a story, a poem, an email, code."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Write a short poem about the sea.",
    }
    answer = "The text written:"
    candidate = "Qwen/Qwen2.5-0.5B-Instruct"
    phrases = (
        "come up with names for a bakery",
        "suggest a title for my book",
        "think of a slogan for the shop",
        "make up some dialogue",
        "write a reply to the customer",
        "give me ideas for a birthday party",
        "write a poem",
        "write a story",
        "tell me a story",
        "tell me a short story about it",
        "compose an email to my landlord",
        "continue the story",
        "continue the text",
        "write a speech about friendship",
        "write a song about love",
        "generate some text about the topic",
        "finish the sentence",
        "write a product description",
        "write python code that sorts a list",
        "draft a letter of complaint",
        "make up a fairy tale",
        "write an essay on history",
        "complete this text",
        "come up with a slogan",
        "invent a recipe",
        "write a blog post",
    )
    cues = (
        r"\bcomplet\w+ (?:the |this )?(?:following )?(?:phrase|sentence|text|story)\b",
        r"\b(?:continue|finish) (?:the|this) (?:\w+ )?(?:phrase|sentence|text|story|poem)\b",
        r"\bgenerat\w+ (?:a |an |some |new )*(?:\S+ )?(?:text|paragraph|essay|article|story|poem)\b",
        r"\b(?:write|compose|draft)\b.*\b(?:story|poem|haiku|limerick|song|essay|email|letter|code|speech|script|post|verse)\b",
        r"\btell (?:\S+ ){0,2}?(?:\S+ )?(?:story|tale)\b",
    )
    pipeline = "text-generation"

    def predict(self, pipe: Any, inputs: Mapping[str, Any]) -> Output:
        return generate(pipe, inputs["text"])


def generate(pipe: Any, text: str) -> Output:
    """What a language model writes after `text`, as an answer to it where the model is made for chat."""
    chat = pipe.tokenizer.chat_template is not None
    prompt = [{"role": "user", "content": text}] if chat else text
    written = pipe(prompt, max_new_tokens=256, return_full_text=False)[0]["generated_text"]
    return Output(data={"text": written}, text=written.strip())
