"""The model's choice among candidates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from fake_llm import FakeLLM, Fault, Reply

from controller.fleet import Expert
from controller.llm_selector import LLMSelector
from controller.schema import Request, Step
from deployments.identity import Identity

REQUEST = Request(id="r", text="Read the German sign")
STEP = Step(task="image-to-text", id=0, args={"image": "sign.png"})


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with FakeLLM() as server:
        yield server


def expert(name: str, replicas: int = 1, description: str = "Reads text.") -> Expert:
    identity = Identity(
        engine="transformers",
        model=f"org/{name}",
        revision="1",
        tasks=("image-to-text",),
        description=description,
        license="mit",
        tags=("ocr",),
        downloads=7,
        parameters=1000,
    )
    return Expert(name=name, identity=identity, health="healthy", replicas=replicas, latency=0.1234)


CANDIDATES = [expert("a"), expert("b", replicas=0), expert("c")]


def names(choice_spares: tuple[Expert, ...]) -> list[str]:
    return [spare.name for spare in choice_spares]


async def test_the_model_chooses_and_says_why(fake: FakeLLM) -> None:
    """Its choice runs with its reason; the others stay spares, best-ranked first."""
    fake.select(Reply('{"id": "b", "reason": "It knows German."}'))
    choice = await LLMSelector(fake.llm()).select(REQUEST, STEP, CANDIDATES)
    assert (choice.expert.name, choice.reason, names(choice.spares)) == ("b", "It knows German.", ["a", "c"])


async def test_one_candidate_needs_no_question(fake: FakeLLM) -> None:
    """With nothing to choose the model is not asked."""
    choice = await LLMSelector(fake.llm()).select(REQUEST, STEP, CANDIDATES[:1])
    assert (choice.expert.name, choice.spares) == ("a", ())
    assert fake.requests == []


async def test_the_model_sees_the_candidates_as_they_are_now(fake: FakeLLM) -> None:
    """Id, cut description, tags, licence, size, where it runs and how fast; and the request and the task."""
    fake.select(Reply('{"id": "a"}'))
    await LLMSelector(fake.llm()).select(REQUEST, STEP, [expert("a", 0, "x" * 1000), expert("b")])
    prompt = fake.requests[0]["messages"][-1]["content"]
    first, second = json.loads(re.search(r"<candidates>\n(.*)\n</candidates>", prompt)[1])
    assert len(first.pop("description")) < 350
    assert first == {
        "id": "a",
        "model": "org/a",
        "tags": ["ocr"],
        "license": "mit",
        "parameters": 1000,
        "downloads": 7,
        "where": "cold",
        "latency_s": 0.123,
    }
    assert second["where"] == "warm"
    assert "Read the German sign" in prompt
    assert "sign.png" in prompt
    schema = fake.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["id"]["enum"] == ["a", "b"]


async def test_only_the_best_ranked_are_shown(fake: FakeLLM) -> None:
    """Beyond the first five candidates the model is asked about none; they remain spares."""
    many = [expert(f"e{i}") for i in range(8)]
    fake.select(Reply('{"id": "e4"}'))
    choice = await LLMSelector(fake.llm()).select(REQUEST, STEP, many)
    assert "e5" not in fake.requests[0]["messages"][-1]["content"]
    assert names(choice.spares) == ["e0", "e1", "e2", "e3", "e5", "e6", "e7"]


@pytest.mark.parametrize("text", ["```json\n{'id': 'c', 'reason': 'r',}\n```", 'I take {"id": "org/c"}.'])
async def test_a_choice_is_understood_whatever_is_around_it(fake: FakeLLM, text: str) -> None:
    """Fences, prose, single quotes, and the model's id instead of the expert's."""
    fake.select(Reply(text))
    assert (await LLMSelector(fake.llm()).select(REQUEST, STEP, CANDIDATES)).expert.name == "c"


@pytest.mark.parametrize("text", ["b would be good", '{"id": "gpt-9"}', '{"id": 5}', '{"id": }', "[]"])
async def test_an_answer_that_names_no_candidate_is_asked_again_once(fake: FakeLLM, text: str) -> None:
    """The model is told what it may answer; a second answer that is right counts."""
    fake.select(Reply(text), Reply('{"id": "b", "reason": "again"}'))
    choice = await LLMSelector(fake.llm()).select(REQUEST, STEP, CANDIDATES)
    assert (choice.expert.name, choice.reason) == ("b", "again")
    assert "a, b, c" in fake.requests[1]["messages"][-1]["content"]


async def test_after_two_such_answers_the_best_ranked_is_taken(fake: FakeLLM) -> None:
    """The step says that the model named none."""
    fake.select(Reply("hm"), Reply("hm"))
    choice = await LLMSelector(fake.llm()).select(REQUEST, STEP, CANDIDATES)
    assert (choice.expert.name, names(choice.spares)) == ("a", ["b", "c"])
    assert "named none of the candidates" in choice.reason
    assert len(fake.requests) == 2


async def test_a_model_that_fails_costs_the_choice_and_not_the_step(fake: FakeLLM) -> None:
    """The best-ranked runs, and the reason says what happened."""
    fake.select(Fault(500))
    choice = await LLMSelector(fake.llm()).select(REQUEST, STEP, CANDIDATES)
    assert choice.expert.name == "a"
    assert choice.reason == (
        "ranked first of 3; choosing a model: the language model selector failed with status 500"
    )
