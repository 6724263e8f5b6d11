"""The embedded planner: its parts with word-count vectors, its score with the real MiniLM."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minilm
import numpy as np
import pytest
from numpy.typing import NDArray

from controller.embedded import EmbeddedPlanner
from controller.embedded.clauses import clauses
from controller.embedded.limits import beyond
from controller.embedded.mentions import kind_of, mask
from controller.errors import CannotPlan
from controller.schema import Request, Resource, Step, Turn
from deployments.task import tasks

EVERYDAY = Path(__file__).parent / "data" / "everyday.jsonl"


async def count_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors that are close where texts share words."""
    rows = np.zeros((len(texts), 1024), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.split():
            row[zlib.crc32(word.encode()) % 1024] += 1
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def files(*names: str) -> tuple[Resource, ...]:
    return tuple(Resource(name=name, kind=kind_of(name) or "text") for name in names)


def request(text: str, *names: str, history: Sequence[Turn] = ()) -> Request:
    return Request(id="r", text=text, resources=files(*names), history=tuple(history))


async def plan(asked: Request, planner: EmbeddedPlanner | None = None) -> list[Step]:
    return [step async for step in (planner or EmbeddedPlanner(count_words)).plan(asked)]


async def graph(asked: Request) -> list[tuple[str, tuple[int, ...]]]:
    return [(step.task, step.dep) for step in await plan(asked)]


def shape(steps: Sequence[dict[str, Any]]) -> list[Any]:
    """A plan up to renumbering: each step with what it is made from, and what is made from it."""
    by_id = {step["id"]: step for step in steps}

    def above(id: int) -> tuple[Any, ...]:
        step = by_id[id]
        return step["task"], tuple(sorted(above(dep) for dep in step["dep"] if dep != -1))

    return sorted(
        (above(id), sorted(above(j) for j, step in by_id.items() if id in step["dep"])) for id in by_id
    )


def test_mentions_are_masked() -> None:
    """Files, URLs and quotes become marks with their kind; their words are no instructions."""
    masked = mask("blur https://a.org/x.png, then say 'draw a cat' and transcribe b c.mp3", files("b c.mp3"))
    assert [(m.kind, m.value, m.literal) for m in masked.mentions] == [
        ("audio", "b c.mp3", False),
        ("image", "https://a.org/x.png", False),
        ("text", "draw a cat", True),
    ]
    assert "cat" not in masked.text


def test_colon_introduces_text() -> None:
    """What follows "translate to French:" is text to its end, instructions in it included."""
    masked = mask("translate to French: draw a cat, then read it.")
    assert [m.value for m in masked.mentions] == ["draw a cat, then read it."]


def test_text_after_a_colon_may_say_now() -> None:
    """Only an instruction ends the text: "Now it is …" goes on, "Then read it" does not."""
    masked = mask("summarise this: It was a port. Now it is a museum. Then read it aloud.")
    assert [m.value for m in masked.mentions] == ["It was a port. Now it is a museum."]
    assert "read it aloud" in masked.text


def test_foreign_files_are_named() -> None:
    """A file of a type no expert reads is no mention but is reported."""
    assert mask("summarise report.pdf").foreign == ("report.pdf",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("blur a.png and rotate it 90 degrees", ["blur the image", "rotate it 90 degrees"]),
        ("based on a.png, please make a video and audio", ["please make a video", "make audio"]),
        ("draw a man and a dog", ["draw a man and a dog"]),
        ("What is this? Please trancribe b.wav", ["what is this", "please transcribe the audio"]),
        (
            "give me a caption and a depth map of a.png",
            ["give me a caption", "give me a depth map of the image"],
        ),
    ],
)
def test_clauses(text: str, expected: list[str]) -> None:
    """A request is cut where an instruction, a question or a further product begins, nowhere else."""
    assert [clause.plain() for clause in clauses(mask(text))] == expected


@pytest.mark.parametrize(
    "text",
    [
        "if there is a dog, describe it",
        "blur it until nobody can be seen",
        "translate it but don't touch the names",
        "add up the totals",
        "which of them has more people",
        "for each object draw a picture",
    ],
)
def test_beyond_a_fixed_graph(text: str) -> None:
    """Conditions, loops, exceptions and arithmetic over results are recognised."""
    assert beyond(text) is not None


@pytest.mark.parametrize(
    "text", ["tell me if there is a dog in it", "could you read this, if possible", "describe it"]
)
def test_within_a_fixed_graph(text: str) -> None:
    """Whether-questions and politeness are no conditions."""
    assert beyond(text) is None


async def test_chain_over_the_attached_image() -> None:
    """Each instruction works on what the one before it produced, starting from the attached file."""
    steps = await plan(request("Read this, summarise it in one sentence and say it aloud", "invoice.png"))
    assert [(step.task, step.dep, step.args) for step in steps] == [
        ("image-to-text", (), {"image": "invoice.png"}),
        ("summarization", (0,), {"text": "<GENERATED>-0", "sentences": "1"}),
        ("text-to-speech", (1,), {"text": "<GENERATED>-1"}),
    ]


async def test_branches_over_one_image() -> None:
    """An edge image is an analysis: "it" in the next instruction is still the photo."""
    steps = await plan(request("Make a canny edge image of this photo, and read any text in it", "shop.jpg"))
    assert [(step.task, step.args) for step in steps] == [
        ("canny-control", {"image": "shop.jpg"}),
        ("image-to-text", {"image": "shop.jpg"}),
    ]


async def test_pages_are_read_to_be_compared() -> None:
    """A task on texts gets the words of images through a step for each."""
    steps = await plan(request("Do these two pages say the same?", "a.png", "b.png"))
    assert [step.task for step in steps] == ["image-to-text", "image-to-text", "sentence-similarity"]
    assert steps[2].args == {"text": ["<GENERATED>-0", "<GENERATED>-1"]}
    assert steps[2].dep == (0, 1)


async def test_control_pair() -> None:
    """Drawing along an image's edges is a control image and a drawing from it."""
    text = "generate a canny image of f.jpg, then a new image from it with the prompt 'a cat on a sofa'"
    steps = await plan(request(text))
    assert [(step.task, step.args) for step in steps] == [
        ("canny-control", {"image": "f.jpg"}),
        ("canny-text-to-image", {"image": "<GENERATED>-0", "text": "a cat on a sofa"}),
    ]


async def test_one_instruction_over_several_files() -> None:
    """An instruction over several files is a step per file."""
    assert await graph(request("describe a.png, b.png and c.png")) == [("image-to-text", ())] * 3


async def test_several_lines() -> None:
    """Each line is a sentence of its own."""
    assert await graph(request("describe a.png\n\nread it aloud\n")) == [
        ("image-to-text", ()),
        ("text-to-speech", (0,)),
    ]


@pytest.mark.parametrize("text", ["", " ", "?", "...", "''", "a.png", "\n", "\ue000"])
async def test_nothing_asked(text: str) -> None:
    """A request without words of its own is an empty plan."""
    assert await plan(request(text)) == []


async def test_text_file_and_question() -> None:
    """The attached text is the context, the question is copied."""
    [step] = await plan(request("According to the text, who is the author?", "report.txt"))
    assert (step.task, step.args["context"]) == ("question-answering", "report.txt")
    assert "who is the author" in step.args["text"]


async def test_languages_and_voice() -> None:
    """A language and "out loud" add steps after the task they qualify; each language is a translation."""
    assert await graph(request("describe a.png out loud in French")) == [
        ("image-to-text", ()),
        ("translation", (0,)),
        ("text-to-speech", (1,)),
    ]
    several = await plan(request("translate 'good night' into French and German"))
    assert [step.args["language"] for step in several] == ["French", "German"]


async def test_earlier_result_is_read() -> None:
    """ "That" with nothing in this turn is the result of the last answer, not its wording."""
    history = [
        Turn(role="user", text="sum it up"),
        Turn(role="assistant", text="In short: Hi.", result="Hi."),
    ]
    [step] = await plan(request("now read that aloud", history=history))
    assert (step.task, step.args) == ("text-to-speech", {"text": "Hi."})


async def test_earlier_artifact_is_edited() -> None:
    """ "It" is the image an earlier answer produced."""
    made = Turn(role="assistant", text="Here it is.", resources=files("edges.png"))
    [step] = await plan(
        request("make it grayscale", history=[Turn(role="user", text="edges of a.png"), made])
    )
    assert (step.task, step.args["image"]) == ("image-to-image", "edges.png")


async def test_it_is_what_an_answer_ended_with() -> None:
    """Of a chain of images "it" is the last, not one made on the way."""
    chain = (
        Resource(name="gray.png", kind="image", id="file-0", interim=True),
        Resource(name="turned.png", kind="image", id="file-1"),
    )
    said = "![gray.png](http://h/v1/files/0/content) ![turned.png](http://h/v1/files/1/content)"
    made = Turn(role="assistant", text=said, resources=chain)
    [step] = await plan(request("now blur it", history=[Turn(role="user", text="gray, turned"), made]))
    assert (step.task, step.args["image"]) == ("image-to-image", "turned.png")


@pytest.mark.parametrize("text", ["hello", "thank you", "what can you do?", "why is the sky blue?"])
async def test_small_talk_has_no_steps(text: str) -> None:
    """Small talk is an empty plan."""
    assert await plan(request(text)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("describe the image", "no image"),
        ("book me a flight", "book"),
        ("describe a.png and frobnicate the gizmo", "frobnicate the gizmo"),
        ("summarise report.pdf", "report.pdf"),
        ("If there is a dog in a.png, draw a cat", "condition"),
        ("summarise: " + "word " * 6_000, "Attach long texts"),
    ],
)
async def test_refusals_say_why(text: str, said: str) -> None:
    """What cannot be planned honestly is refused with the words or the reason."""
    with pytest.raises(CannotPlan, match=said):
        await plan(request(text))


async def test_too_much_at_once() -> None:
    """Hundreds of instructions are refused before they are embedded."""
    with pytest.raises(CannotPlan, match="less at once"):
        await plan(request("describe a.png. " * 500))


async def test_which_file_is_asked() -> None:
    """One photo of several is asked for, not picked."""
    with pytest.raises(CannotPlan, match=r"Which of a\.png, b\.png"):
        await plan(request("describe the photo", "a.png", "b.png"))


async def test_bank_is_embedded_once() -> None:
    """The phrases are embedded on first use; a request then costs one call."""
    sizes: list[int] = []

    async def counting(texts: Sequence[str]) -> NDArray[np.float32]:
        sizes.append(len(texts))
        return await count_words(texts)

    planner = EmbeddedPlanner(counting)
    await plan(request("describe a.png"), planner)
    await plan(request("describe a.png, then read it aloud"), planner)
    assert len(sizes) == 3
    assert sizes[0] > sum(len(task.phrases) for task in tasks().values())


def test_every_task_has_phrases() -> None:
    """Adding a task is adding phrases: each has some, and none belongs to two tasks."""
    phrases = [phrase for task in tasks().values() for phrase in task.phrases]
    assert all(task.phrases for task in tasks().values())
    assert len(phrases) == len(set(phrases))


def everyday() -> list[dict[str, Any]]:
    return [json.loads(line) for line in EVERYDAY.read_text(encoding="utf-8").splitlines()]


def asked(line: dict[str, Any]) -> Request:
    turns = [
        Turn(
            role=t["role"],
            text=t["content"],
            resources=files(*t.get("resources", ())),
            result=t.get("result"),
        )
        for t in line["history"]
    ]
    return request(line["request"], *line.get("files", ()), history=turns)


@pytest.mark.model
async def test_everyday_requests() -> None:
    """Of the everyday requests nearly all are planned exactly, and hardly any plan is wrong."""
    planner = EmbeddedPlanner(minilm.embed)
    missed, wrong = [], []
    for line in everyday():
        try:
            steps = [step.wire() for step in await plan(asked(line), planner)]
        except CannotPlan:
            steps = []
        if not any(shape(steps) == shape(gold) for gold in (line["gold"], *line["alts"])):
            (wrong if steps else missed).append(line["request"])
    assert len(wrong) <= 3, wrong
    assert len(missed) + len(wrong) <= 14, missed + wrong
