from deployments.task import Input, Task


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
        r"\b(?:write|compose|draft)\b.*\b(?:story|poem|haiku|limerick|song|essay|email|letter|code|speech|script|post|verse)\b",
        r"\btell (?:\S+ ){0,2}?(?:\S+ )?(?:story|tale)\b",
    )
    pipeline = "text-generation"
