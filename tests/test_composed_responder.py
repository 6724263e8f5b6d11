import pytest

from controller.composed_responder import ComposedResponder
from controller.schema import Artifact, Attempt, Failure, Request, StepResult
from deployments.task import tasks

ASKED = Request(id="r", text="do it")
WAV = Artifact(
    id="f1", name="speech.wav", kind="audio", media_type="audio/wav", bytes=9, url="http://x/v1/files/f1"
)
PNG = Artifact(
    id="f2", name="edges.png", kind="image", media_type="image/png", bytes=9, url="http://x/v1/files/f2"
)


def result(id: int, task: str, status="ok", dep=(), args=None, **fields) -> StepResult:
    return StepResult(request_id="r", task=task, id=id, dep=dep, args=args or {}, status=status, **fields)


async def answer(*results: StepResult, notes=()) -> str:
    return "".join([piece async for piece in ComposedResponder().respond(ASKED, results, notes)])


async def test_what_was_asked_for_comes_before_what_led_to_it():
    """The last steps of the graph are the answer; the steps they used follow."""
    said = await answer(
        result(0, "image-to-text", text="TOTAL 12", expert="ocr"),
        result(1, "summarization", dep=(0,), text="It costs 12.", expert="minilm"),
        result(2, "text-to-speech", dep=(1,), artifacts=(WAV,), expert="espeak"),
    )
    assert said.index("speech.wav") < said.index("On the way there") < said.index("> TOTAL 12")
    assert "> It costs 12." in said
    assert "Done by: image-to-text (ocr), summarization (minilm), text-to-speech (espeak)." in said


async def test_artifacts_are_linked_and_pictures_shown():
    """Files are markdown links to the service's own URLs."""
    said = await answer(
        result(0, "canny-control", artifacts=(PNG,)), result(1, "text-to-speech", artifacts=(WAV,))
    )
    assert "![edges.png](http://x/v1/files/f2)" in said
    assert "[speech.wav](http://x/v1/files/f1)" in said and "![speech.wav]" not in said


async def test_failed_and_skipped_steps_are_named_with_their_reason():
    """What failed and why is said beside what was done."""
    said = await answer(
        result(0, "image-to-text", "failed", expert="ocr", error=Failure(code="x", message="out of ink")),
        result(
            1,
            "text-to-speech",
            "skipped",
            (0,),
            error=Failure(code="skipped", message="step 0 gave no result"),
        ),
        result(2, "canny-control", artifacts=(PNG,), expert="opencv"),
    )
    assert "image-to-text (step 0) failed: out of ink" in said
    assert "text-to-speech (step 1) was not done: step 0 gave no result" in said
    assert "edges.png" in said
    assert "Done by: canny-control (opencv)." in said


async def test_a_failed_step_is_not_among_what_was_done():
    """With nothing done there is no list of who did it."""
    said = await answer(
        result(0, "image-to-text", "failed", expert="ocr", error=Failure(code="x", message="out of ink"))
    )
    assert said.strip() == "image-to-text (step 0) failed: out of ink"


async def test_an_expert_that_was_replaced_is_named():
    """The user hears that the first choice failed, and why."""
    tried = Attempt(expert="first", error=Failure(code="x", message="broke"))
    said = await answer(result(0, "image-to-text", text="hi", expert="second", attempts=(tried,)))
    assert "first failed (broke)" in said and "image-to-text (second)" in said


async def test_a_step_whose_follower_failed_is_still_on_the_way():
    """Its result is told, once."""
    said = await answer(
        result(0, "image-to-text", text="hello", expert="ocr"),
        result(1, "text-to-speech", "failed", (0,), error=Failure(code="x", message="hoarse")),
    )
    assert said.count("> hello") == 1 and "hoarse" in said


async def test_the_question_stands_before_its_answer():
    """Several answers can be told apart."""
    task = "document-question-answering"
    said = await answer(
        result(0, task, args={"text": "What is the total?"}, text="12"),
        result(1, task, args={"text": "Who {sent} it?"}, text="Ann"),
    )
    assert "The answer to “What is the total?”:" in said
    assert "The answer to “Who {sent} it?”:" in said


async def test_a_question_that_was_heard_is_told_in_its_words():
    """A reference in an argument never reaches the reader."""
    said = await answer(
        result(0, "automatic-speech-recognition", text="How tall is it?"),
        result(1, "visual-question-answering", dep=(0,), args={"text": "<GENERATED>-0"}, text="2 m"),
    )
    assert "The answer to “How tall is it?”:" in said
    assert "GENERATED" not in said


async def test_many_lines_are_quoted_and_long_text_is_cut():
    """A quotation cannot pass for the answer's own words, and a book does not fill the answer."""
    said = await answer(result(0, "image-to-text", text="one\n# two\n" + "x" * 5000))
    assert "> one\n> # two\n> xxx" in said
    assert " …" in said and len(said) < 2500


async def test_an_empty_text_is_said_to_be_empty():
    """A picture without text in it gives an answer all the same."""
    assert "(nothing)" in await answer(result(0, "image-to-text", text=""))


async def test_small_talk_gets_a_polite_answer_with_what_the_service_can_do():
    """Neither steps nor notes: no LLM is there for conversation, but the service says what it does."""
    said = await answer()
    assert "no LLM is configured" in said and "picture" in said


async def test_notes_come_first_and_replace_the_greeting():
    """Why nothing was planned is the answer then."""
    assert (await answer(notes=("I cannot plan this.",))).strip() == "I cannot plan this."
    said = await answer(result(0, "image-to-text", text="hi"), notes=("The LLM was away.",))
    assert said.startswith("The LLM was away.")


@pytest.mark.parametrize("task", sorted(tasks()))
async def test_every_task_has_words_for_its_result(task):
    """A result without any argument at hand still reads."""
    assert "{" not in await answer(result(0, task, text="something"))
