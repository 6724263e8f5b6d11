from deployments.task import Input, Task


class Text2textGeneration(Task):
    name = "text2text-generation"
    description = "Rewrite a text as an instruction says: paraphrase, correct, simplify."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("text",)
    example = {
        "text": "Correct the grammar: he go to school.",
    }
    answer = "The rewritten text:"
    candidate = "google/flan-t5-small"
    phrases = (
        "rewrite the text",
        "paraphrase the text",
        "fix the grammar",
        "correct the spelling mistakes",
        "simplify the text",
        "make the text more formal",
        "rephrase this sentence",
        "say this text in other words",
        "proofread the email",
        "turn the sentence into a question",
        "make the paragraph sound friendlier",
        "polish the text",
        "explain the text in simpler words",
        "correct the errors in the sentence",
        "rewrite it for children",
        "reword this",
    )
    cues = (
        r"\bparaphrase\b",
        r"\bre(?:write|phrase|word)\b",
        r"\bgrammar\b",
        r"\bproofread\b",
    )
