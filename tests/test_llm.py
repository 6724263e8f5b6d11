"""The real openai client against an endpoint that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from fake_llm import FakeLLM, Fault, Gate, Hang, Reply, Script

from controller.errors import (
    LLMBusy,
    LLMCutOff,
    LLMEmpty,
    LLMError,
    LLMRefused,
    LLMRejected,
    LLMTimeout,
    LLMUnavailable,
)
from controller.llm import Message

ASK: list[Message] = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with FakeLLM() as server:
        yield server


async def test_an_answer_streams_in_pieces_and_its_tokens_are_counted(fake: FakeLLM) -> None:
    """The answer arrives piece by piece, and usage adds up what the endpoint counted."""
    fake.respond(Reply("Hello there, friend", size=5))
    llm = fake.llm()
    pieces = [piece async for piece in llm.stream("respond", ASK)]
    assert pieces == ["Hello", " ther", "e, fr", "iend"]
    assert (llm.usage.calls, llm.usage.prompt_tokens, llm.usage.completion_tokens) == (1, 100, 4)
    assert fake.requests[0]["headers"]["authorization"] == "bearer sk-test"


async def test_a_metered_copy_counts_for_itself(fake: FakeLLM) -> None:
    """Requests that share an endpoint each count their own tokens."""
    fake.always("plan", Reply("x"))
    llm = fake.llm()
    first, second = llm.metered(), llm.metered()
    await first.complete("plan", ASK)
    await first.complete("plan", ASK)
    await second.complete("plan", ASK)
    assert (first.usage.calls, second.usage.calls, llm.usage.calls) == (2, 1, 0)


async def test_each_stage_has_its_own_model(fake: FakeLLM) -> None:
    """A stage asks the model that the settings name for it, and the main one otherwise."""
    fake.always("plan", Reply("x"))
    await fake.llm().complete("plan", ASK)
    llm = fake.llm(models={"plan": "planner"})
    assert (fake.requests[0]["model"], llm.model("plan"), llm.model("respond")) == (
        "planner",
        "planner",
        "main",
    )


@pytest.mark.parametrize(
    ("script", "kind", "says"),
    [
        (Fault(429, headers={"Retry-After": "300"}), LLMBusy, "rate limit"),
        (Fault(500), LLMUnavailable, "status 500"),
        (Fault(503), LLMUnavailable, "status 503"),
        (Fault(401, "bad key"), LLMRejected, "bad key"),
        (Fault(400, "context length exceeded"), LLMRejected, "context length exceeded"),
        (Hang(), LLMTimeout, "in time"),
        (Reply("cut in the middle of it", cut=2), LLMUnavailable, "broke off"),
        (Reply("never finished", gates={1: Gate()}), LLMTimeout, "in time"),
        (Reply("ended before it was through", finish=None), LLMUnavailable, "broke off"),
        (Reply("too lo", finish="length"), LLMCutOff, "length limit"),
        (Reply("bad", finish="content_filter"), LLMRefused, "content filter"),
        (Reply("", refusal="I can't help with that"), LLMRefused, "can't help"),
        (Reply(""), LLMEmpty, "empty"),
        (Reply(" \n "), LLMEmpty, "empty"),
        (Reply("<think>only thoughts</think>"), LLMEmpty, "empty"),
    ],
)
async def test_every_failure_is_an_error_that_names_the_stage(
    fake: FakeLLM, script: Script, kind: type[LLMError], says: str
) -> None:
    """Whatever the endpoint does wrong becomes a typed error with the stage and the model in its message."""
    fake.plan(script)
    with pytest.raises(kind) as caught:
        await fake.llm(first_token_timeout_s=0.1, idle_timeout_s=0.1).complete("plan", ASK)
    assert caught.value.message.startswith("planning: the language model planner ")
    assert says in caught.value.message
    assert caught.value.status == 502


async def test_an_endpoint_that_is_not_there_is_named() -> None:
    """A refused connection says where nobody was listening."""
    with FakeLLM() as gone:
        llm = gone.llm()
    with pytest.raises(LLMUnavailable, match=r"cannot be reached at http://127\.0\.0\.1"):
        await llm.complete("plan", ASK)


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        (Hang(), {"first_token_timeout_s": 0.1}),
        (Reply("never begun", gates={0: Gate()}), {"first_token_timeout_s": 0.1}),
        (Reply("never finished", gates={1: Gate()}), {"idle_timeout_s": 0.1}),
    ],
)
async def test_silence_before_and_within_an_answer_have_limits_of_their_own(
    fake: FakeLLM, script: Script, limits: dict[str, float]
) -> None:
    """Waiting for the first piece and for the next ones each ends at its own limit, not at the longest."""
    fake.plan(script)
    async with asyncio.timeout(10):
        with pytest.raises(LLMTimeout):
            await fake.llm(**{"first_token_timeout_s": 60, "idle_timeout_s": 60, **limits}).complete(
                "plan", ASK
            )


async def test_the_whole_answer_has_a_deadline(fake: FakeLLM) -> None:
    """A model that keeps talking is stopped when its time is up, however short its pauses."""
    fake.plan(Reply("on and on " * 1000, size=1, pace=0.01))
    with pytest.raises(LLMTimeout):
        await fake.llm(total_timeout_s=0.1).complete("plan", ASK)


async def test_a_busy_endpoint_is_asked_again_when_it_says(fake: FakeLLM) -> None:
    """A 429 with Retry-After and a 500 are tried again by the client, as often as the settings allow."""
    wait = {"retry-after-ms": "1"}
    fake.plan(Fault(429, headers=wait), Fault(500, headers=wait), Reply("at last"))
    assert await fake.llm(max_retries=2).complete("plan", ASK) == "at last"
    assert [request["headers"]["x-stainless-retry-count"] for request in fake.requests] == ["0", "1", "2"]


async def test_a_wait_of_minutes_is_not_waited_out(fake: FakeLLM) -> None:
    """A Retry-After beyond what a user would sit through is an error at once."""
    fake.plan(Fault(429, headers={"retry-after": "300"}))
    with pytest.raises(LLMBusy):
        await fake.llm(max_retries=2).complete("plan", ASK)
    assert len(fake.requests) == 1


async def test_a_schema_is_sent_where_the_endpoint_takes_it(fake: FakeLLM) -> None:
    """The JSON schema of an answer goes out as a strict response_format."""
    fake.plan(Reply("{}"))
    await fake.llm().complete("plan", ASK, SCHEMA)
    form = fake.requests[0]["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"] == SCHEMA
    assert form["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    "fault",
    [
        Fault(400, "response_format is not supported by this model"),
        Fault(400, "Invalid parameter", param="response_format"),
        Fault(422, "json_schema: unknown type"),
    ],
)
async def test_an_endpoint_without_schemas_is_asked_for_one_once(fake: FakeLLM, fault: Fault) -> None:
    """After a refusal that names the response format, that model is asked for plain text for good."""
    fake.plan(fault, Reply("{}"), Reply("{}"))
    llm = fake.llm()
    await llm.complete("plan", ASK, SCHEMA)
    await llm.metered().complete("plan", ASK, SCHEMA)
    assert ["response_format" in request for request in fake.requests] == [True, False, False]


async def test_a_model_that_takes_no_temperature_gets_none(fake: FakeLLM) -> None:
    """A refused optional parameter is left out, the others stay."""
    fake.plan(
        Fault(400, "Unsupported value: 'temperature' does not support 0", param="temperature"), Reply("{}")
    )
    await fake.llm().complete("plan", ASK, SCHEMA)
    assert "temperature" not in fake.requests[1]
    assert "response_format" in fake.requests[1]


async def test_thoughts_at_the_start_are_left_out(fake: FakeLLM) -> None:
    """A leading think block never reaches the stage, however it is chunked; the same words later do."""
    for size in (1, 3, 50):
        fake.plan(Reply("\n<think>Maybe [1, 2]?</think>Answer <think> stays", size=size))
        assert await fake.llm().complete("plan", ASK) == "Answer <think> stays"


async def test_cancelling_closes_the_connection(fake: FakeLLM) -> None:
    """A cancelled request hangs up on the model instead of letting it write on."""
    fake.plan(Reply("first and never more", gates={1: Gate()}))
    started = asyncio.Event()

    async def read() -> None:
        async for _ in fake.llm().stream("plan", ASK):
            started.set()

    reading = asyncio.create_task(read())
    await started.wait()
    reading.cancel()
    await asyncio.wait_for(fake.left.wait(), 5)
    assert reading.cancelled()


async def test_leaving_a_stream_closes_the_connection(fake: FakeLLM) -> None:
    """A reader that has enough hangs up as well."""
    fake.plan(Reply("first and never more", gates={1: Gate()}))
    async with aclosing(fake.llm().stream("plan", ASK)) as pieces:
        await anext(pieces)
    await asyncio.wait_for(fake.left.wait(), 5)
    assert fake.sent == 1
