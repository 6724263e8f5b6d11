import asyncio
import base64
import contextlib
import json

import httpx2
import numpy as np
import openai
import pytest
import uvicorn
from fake_fleet import step

from controller.errors import CannotPlan
from controller.ingress import create_app
from controller.schema import Run
from controller.settings import Limits
from deployments.errors import BadInput, ModelFailure
from deployments.media import encode
from deployments.values import Audio, Image, Output

PNG = encode(Image(np.zeros((4, 4, 3), np.uint8))).data
WAV = encode(Audio(np.zeros(80, np.float32), 8_000)).data
LIMITS = Limits(file_bytes=10_000, request_bytes=30_000)


def data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


IMAGE = {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png")}}


def said(text: str, *parts) -> list:
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts] if parts else text}]


def plain(**settings) -> httpx2.AsyncClient:
    # Nothing here speaks TLS, and loading the system's certificates is slow.
    return httpx2.AsyncClient(verify=False, trust_env=False, **settings)


def connected(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, http_client=plain())


@pytest.fixture
def serve():
    """Serves a pipeline on a port of its own; gives its address."""
    with contextlib.ExitStack() as servers:

        async def start(pipeline) -> str:
            config = uvicorn.Config(create_app(pipeline), port=0, log_config=None, lifespan="off")
            server = uvicorn.Server(config)
            config.load()
            server.lifespan = config.lifespan_class(config)
            await server.startup()
            serving = asyncio.create_task(server.main_loop())
            servers.callback(serving.cancel)
            for listening in server.servers:
                servers.callback(listening.close)
            return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

        yield start


@pytest.fixture
async def url(serve, make_pipeline):
    return await serve(make_pipeline(limits=LIMITS))


@pytest.fixture
async def client(url):
    """The client that applications use, unmodified."""
    async with connected(url) as client:
        yield client


@pytest.fixture
async def http(url):
    async with plain(base_url=url) as http:
        yield http


def ask(client, text="go", *parts, **more):
    return client.chat.completions.create(model="hugginggpt", messages=said(text, *parts), **more)


def error(reply: httpx2.Response) -> dict:
    """The error of a reply, which has OpenAI's shape."""
    (body,) = [reply.json()["error"]]
    assert set(body) == {"message", "type", "param", "code"}
    assert body["message"] and body["code"]
    return body


async def test_the_model_is_listed(client):
    """There is one model, and it can be looked up."""
    assert [model.id async for model in client.models.list()] == ["hugginggpt"]
    assert (await client.models.retrieve("hugginggpt")).object == "model"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-4")


async def test_a_reply_is_a_chat_completion_with_the_record(client, http, planner, fleet):
    """The message is OpenAI's; plan, steps, artifacts and timings are beside it."""
    fleet.add("edges", "canny-control", gives=Output(image=Image(np.zeros((4, 4, 3), np.uint8))))
    planner.script = [step(0, "canny-control", image="image.png")]
    reply = await ask(client, "edges please", IMAGE)
    (choice,) = reply.choices
    assert (choice.message.role, choice.finish_reason, reply.model) == ("assistant", "stop", "hugginggpt")
    run = Run.model_validate(reply.hugginggpt)
    assert run.answer == choice.message.content
    (result,) = run.steps
    (artifact,) = result.artifacts
    assert artifact.url in choice.message.content
    assert artifact.url.startswith(str(client.base_url).removesuffix("v1/"))
    data = (await client.files.content(artifact.id)).content
    assert data.startswith(b"\x89PNG")
    assert (await http.get(artifact.url)).content == data


async def test_a_stream_tells_progress_then_the_answer_then_the_record(client, planner, fleet):
    """Progress is reasoning_content, the answer content; the last chunk carries the same object."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello", data=["hello"]))
    fleet.add("hoarse", "text-to-speech", gives=ModelFailure("no voice"))
    planner.script = [
        step(0, "image-to-text", image="image.png"),
        step(1, "text-to-speech", text="<GENERATED>-0"),
    ]
    chunks = [chunk async for chunk in await ask(client, "read", IMAGE, stream=True)]
    assert len({chunk.id for chunk in chunks}) == 1
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    progress = [
        delta.reasoning_content for delta in deltas if "reasoning_content" in (delta.model_extra or {})
    ]
    first_words = next(i for i, delta in enumerate(deltas) if delta.content)
    last_progress = max(i for i, d in enumerate(deltas) if "reasoning_content" in (d.model_extra or {}))
    assert last_progress < first_words
    told = "".join(progress)
    assert "plan: 0 image-to-text; 1 text-to-speech after 0" in told
    assert "step 0 image-to-text: started on ocr" in told and "step 0 image-to-text: done by ocr" in told
    assert "step 1 text-to-speech: failed, no voice" in told
    *_, last = chunks
    assert last.choices[0].finish_reason == "stop"
    run = Run.model_validate(last.hugginggpt)
    assert "".join(delta.content or "" for delta in deltas) == run.answer
    assert run.steps[0].data == ["hello"]


async def test_progress_comes_as_it_happens(client, planner, fleet):
    """A step is told to have started while it still runs."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    gate = fleet.gate("ocr")
    planner.script = [step(0, "image-to-text", image="image.png")]
    stream = await ask(client, "read", IMAGE, stream=True)
    async for chunk in stream:
        if "started on ocr" in ((chunk.choices[0].delta.model_extra or {}).get("reasoning_content") or ""):
            assert ("done", "ocr") not in fleet.log
            gate.set()
    assert ("done", "ocr") in fleet.log


async def test_every_content_part_is_understood(client, planner):
    """Images by data URL, audio, files inline and by id."""
    stored = await client.files.create(file=("photo.png", PNG), purpose="user_data")
    await ask(
        client,
        "go",
        IMAGE,
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}},
        {"type": "file", "file": {"file_data": data_url(b"words", "text/plain"), "filename": "a.txt"}},
        {"type": "file", "file": {"file_id": stored.id}},
    )
    (request,) = planner.asked
    assert [(resource.name, resource.kind) for resource in request.resources] == [
        ("image.png", "image"),
        ("audio.wav", "audio"),
        ("a.txt", "text"),
        ("photo.png", "image"),
    ]


async def test_files_can_be_kept_listed_read_and_deleted(client):
    """The files API is OpenAI's."""
    stored = await client.files.create(file=("../photo.png", PNG), purpose="user_data")
    assert (stored.filename, stored.bytes, stored.purpose) == ("photo.png", len(PNG), "user_data")
    assert [file.id async for file in client.files.list()] == [stored.id]
    assert (await client.files.retrieve(stored.id)).id == stored.id
    assert (await client.files.content(stored.id)).content == PNG
    assert (await client.files.delete(stored.id)).deleted
    for gone in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError) as caught:
            await gone(stored.id)
        assert caught.value.code == "file_not_found"


@pytest.mark.parametrize("id", ["file-1", "..%2f..%2fetc%2fpasswd", "file-" + "f" * 32])
async def test_an_id_that_is_none_finds_nothing(http, id):
    """Ids are opaque; nothing but one is looked up."""
    assert (await http.get(f"/v1/files/{id}/content")).status_code == 404


async def test_content_cannot_run_in_a_browser(client, http):
    """A stranger's bytes are shown or saved, never executed or taken for something else."""
    stored = await client.files.create(file=("page.html", b"<script>alert(1)</script>"), purpose="user_data")
    reply = await http.get(f"/v1/files/{stored.id}/content")
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in reply.headers["content-security-policy"]
    assert reply.headers["content-disposition"] == "attachment"


async def test_experts_are_listed(http, fleet):
    """Each with tasks, model, revision, where it runs, replicas and health."""
    fleet.add("ocr", "image-to-text", replicas=2, nodes=("10.0.0.1",))
    fleet.add("cold", "text-to-speech", replicas=0)
    reply = (await http.get("/v1/experts")).json()
    ocr, cold = reply["data"]
    assert reply["object"] == "list"
    assert (ocr["name"], ocr["replicas"], ocr["nodes"], ocr["health"]) == ("ocr", 2, ["10.0.0.1"], "healthy")
    assert (ocr["identity"]["model"], ocr["identity"]["revision"]) == ("models/ocr", "1")
    assert ocr["identity"]["tasks"] == ["image-to-text"]
    assert (ocr["where"], cold["where"]) == ("warm", "cold")


async def test_health_follows_planner_and_experts(http, fleet):
    """200 only while the service can plan and has an expert to call."""
    reply = await http.get("/healthz")
    assert reply.status_code == 503 and error(reply)["code"] == "unavailable"
    fleet.add("ocr", "image-to-text")
    reply = await http.get("/healthz")
    assert (reply.status_code, reply.json()["experts"]) == (200, {"ocr": "healthy"})


async def test_tasks_gives_the_plan_alone(http, planner, store):
    """The original's POST /tasks: a list of steps, without opening a file or calling an expert."""
    planner.script = [
        step(0, "image-to-text", image="image.png"),
        step(1, "text-to-speech", text="<GENERATED>-0"),
    ]
    reply = await http.post("/tasks", json={"messages": said("read it aloud", IMAGE)})
    assert reply.json() == [
        {"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "image.png"}},
        {"task": "text-to-speech", "id": 1, "dep": [0], "args": {"text": "<GENERATED>-0"}},
    ]
    assert await store.list() == ()


async def test_tasks_is_empty_with_a_note_where_nothing_can_be_planned(http, planner):
    """The original's clients get their list; the reason is in a header."""
    planner.script = [CannotPlan("I can't plan “this”\nwithout an LLM")]
    reply = await http.post("/tasks", json={"messages": said("fold the laundry")})
    assert (reply.status_code, reply.json()) == (200, [])
    assert "without an LLM" in reply.headers["x-hugginggpt-note"]


async def test_results_gives_tasks_results_and_choices(http, planner, fleet):
    """The original's POST /results: by id, the task, what came out and which model was taken, and why."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello", data=[1]))
    fleet.add("edges", "canny-control", gives=Output(image=Image(np.zeros((4, 4, 3), np.uint8))))
    fleet.add("speaker", "text-to-speech", gives=ModelFailure("no voice"))
    planner.script = [
        step(0, "image-to-text", image="image.png"),
        step(1, "canny-control", image="image.png"),
        step(2, "text-to-speech", text="<GENERATED>-0"),
    ]
    reply = (await http.post("/results", json={"messages": said("go", IMAGE)})).json()
    assert reply["0"] == {
        "task": {"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "image.png"}},
        "inference result": {"generated text": "hello", "predicted": [1]},
        "choose model result": {"id": "models/ocr", "reason": "the only expert for the task"},
    }
    assert (await http.get(reply["1"]["inference result"]["generated image"])).status_code == 200
    assert reply["2"]["inference result"] == {"error": "no voice"}


async def test_hugginggpt_gives_the_answer(http, planner, fleet):
    """The original's POST /hugginggpt: the message."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    planner.script = [step(0, "image-to-text", image="image.png")]
    reply = (await http.post("/hugginggpt", json={"messages": said("go", IMAGE)})).json()
    assert set(reply) == {"message"} and "> hello" in reply["message"]


async def test_an_unknown_model_is_not_found(client):
    """The error names the model that is there."""
    with pytest.raises(openai.NotFoundError, match="hugginggpt") as caught:
        await client.chat.completions.create(model="gpt-4", messages=said("go"))
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"messages": []}',
        b'{"model": 5, "messages": []}',
        b'{"model": "hugginggpt"}',
        b'{"model": "hugginggpt", "messages": [{"role": "user"}]}',
        b'{"model": "hugginggpt", "n": 2, "messages": [{"role": "user", "content": "go"}]}',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_malformed_body_is_a_bad_request(http, body, stream):
    """Streaming or not, the status says so, in OpenAI's shape."""
    if stream:
        body = body.replace(b'{"m', b'{"stream": true, "m')
    reply = await http.post("/v1/chat/completions", content=body)
    assert reply.status_code == 400
    assert error(reply)["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/tasks", "/results", "/hugginggpt"])
async def test_the_originals_endpoints_refuse_in_the_same_shape(http, path):
    """They share the errors of the other endpoints."""
    for body in (b"{", b"{}", b'{"messages": "go"}'):
        reply = await http.post(path, content=body)
        assert reply.status_code == 400 and error(reply)["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"\x89PNG\r\n\x1a\n but no more", 415, "unsupported_media"),
        (b"%PDF-1.7", 415, "unsupported_media"),
        (b"\0\1\2\3", 415, "unsupported_media"),
        (b"", 415, "unsupported_media"),
        (b"x" * 20_000, 413, "too_large"),
    ],
    ids=["corrupt", "pdf", "binary", "empty", "large"],
)
async def test_media_that_is_refused_has_its_own_status(client, http, data, status, code):
    """Unreadable, unsupported and oversized files, attached or uploaded."""
    part = {"type": "file", "file": {"file_data": data_url(data, "image/png"), "filename": "a.png"}}
    with pytest.raises(openai.APIStatusError) as caught:
        await ask(client, "go", part)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    reply = await http.post("/v1/files", files={"file": ("a.png", data)}, data={"purpose": "user_data"})
    assert reply.status_code == status and error(reply)["code"] == code


async def test_a_body_that_no_request_may_have_is_not_read(http):
    """It is refused while it comes in, however it is sent."""

    async def endless():
        for _ in range(100):
            yield b"x" * 100_000

    for path in ("/v1/chat/completions", "/v1/files", "/tasks"):
        with contextlib.suppress(httpx2.WriteError, httpx2.ReadError):  # the server may hang up first
            reply = await http.post(path, content=endless(), headers={"content-type": "application/json"})
            assert reply.status_code in (400, 413)


async def test_an_oversized_upload_is_refused(http):
    """A multipart body that is too large for any request ends in 413."""
    reply = await http.post("/v1/files", files={"file": ("a.txt", b"x" * 2_000_000)})
    assert reply.status_code == 413 and error(reply)["code"] == "too_large"


async def test_an_upload_without_a_file_is_a_bad_request(http):
    """The form field is called `file`."""
    assert error(await http.post("/v1/files", data={"purpose": "user_data"}))["param"] == "file"
    assert (await http.post("/v1/files", content=b"junk")).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    reply = await http.post("/v1/files", content=b"--y\r\njunk", headers=broken)
    assert reply.status_code == 400 and error(reply)


async def test_an_unknown_file_id_in_a_message_is_not_found(client):
    """The same error as from the files API."""
    part = {"type": "file", "file": {"file_id": "file-" + "0" * 32}}
    with pytest.raises(openai.NotFoundError) as caught:
        await ask(client, "go", part)
    assert caught.value.code == "file_not_found"


async def test_a_url_into_the_own_network_is_refused(client, url):
    """The service fetches from public addresses only, not from itself."""
    part = {"type": "image_url", "image_url": {"url": f"{url}/v1/models"}}
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client, "go", part)
    assert caught.value.code == "fetch_failed"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_task_without_an_expert_is_told_with_the_record(client, planner, stream):
    """The plan was right, but nobody is there to run it: 422, and which entry would bring the expert."""
    planner.script = [step(0, "object-detection", image="image.png")]
    with pytest.raises(openai.APIError, match="no expert for object-detection is deployed") as caught:
        async for _ in (
            await ask(client, "go", IMAGE, stream=True) if stream else [await ask(client, "go", IMAGE)]
        ):
            pass
    assert caught.value.code == "all_steps_failed"
    if not stream:
        assert caught.value.status_code == 422
        assert caught.value.response.json()["hugginggpt"]["steps"][0]["error"]["code"] == "no_expert"


@pytest.mark.parametrize(("fault", "status"), [(ModelFailure("broke"), 502), (BadInput("not a page"), 422)])
async def test_a_request_of_which_nothing_came_is_an_error(http, planner, fleet, fault, status):
    """The body carries OpenAI's error and the record; clients are told not to send the work again."""
    fleet.add("ocr", "image-to-text", gives=fault)
    planner.script = [step(0, "image-to-text", image="image.png")]
    body = {"model": "hugginggpt", "messages": said("go", IMAGE)}
    reply = await http.post("/v1/chat/completions", json=body)
    assert (reply.status_code, error(reply)["code"]) == (status, "all_steps_failed")
    assert str(fault) in error(reply)["message"]
    assert Run.model_validate(reply.json()["hugginggpt"]).steps[0].status == "failed"
    assert reply.headers["x-should-retry"] == "false"


async def test_an_invalid_plan_is_told(client, planner):
    """422, with what is wrong with the plan."""
    planner.script = [step(0, "mind-reading", text="x")]
    with pytest.raises(openai.UnprocessableEntityError, match="mind-reading") as caught:
        await ask(client)
    assert caught.value.code == "invalid_plan"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_fault_of_ours_is_told_without_its_inside(serve, make_pipeline, planner, stream):
    """The client learns under which request the log has it, and nothing more."""
    planner.script = [RuntimeError("secret inside")]
    url = await serve(make_pipeline())
    body = {"model": "hugginggpt", "messages": said("go"), "stream": stream}
    async with plain(base_url=url) as http:
        reply = await http.post("/v1/chat/completions", json=body, headers={"x-request-id": "req-1"})
    assert "secret" not in reply.text and "req-1" in reply.text
    assert reply.status_code == (200 if stream else 500)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("GET", "/tasks", 405)])
async def test_a_route_that_is_not_there_has_an_error_of_the_same_shape(http, method, path, status):
    """Every error can be read in one way."""
    reply = await http.request(method, path)
    assert reply.status_code == status and path in error(reply)["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_more_requests_than_it_can_work_on_are_told_to_wait(
    serve, make_pipeline, planner, fleet, stream
):
    """429 with Retry-After while all places are taken, and room again once one is done."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    gate = fleet.gate("ocr")
    planner.script = [step(0, "image-to-text", image="image.png")]
    url = await serve(make_pipeline(max_requests=1))
    async with connected(url) as client:
        first = asyncio.create_task(ask(client, "go", IMAGE))
        await fleet.until("called", "ocr")
        with pytest.raises(openai.RateLimitError) as caught:
            await ask(client, "go", IMAGE, stream=stream)
        assert int(caught.value.response.headers["retry-after"]) > 0
        gate.set()
        assert (await first).choices
        assert (await ask(client, "go", IMAGE)).choices


async def test_going_away_cancels_what_still_runs(client, planner, fleet):
    """A client that closes its stream takes the running expert call along."""
    fleet.add("ocr", "image-to-text")
    fleet.gate("ocr")
    planner.script = [step(0, "image-to-text", image="image.png")]
    stream = await ask(client, "go", IMAGE, stream=True)
    await fleet.until("called", "ocr")
    await stream.close()
    await fleet.until("cancelled", "ocr")


async def test_links_follow_the_public_url(serve, make_pipeline, planner, fleet):
    """Behind another address the links name that one."""
    fleet.add("edges", "canny-control", gives=Output(image=Image(np.zeros((4, 4, 3), np.uint8))))
    planner.script = [step(0, "canny-control", image="image.png")]
    url = await serve(make_pipeline(public_url="https://gpt.example.org/hug/"))
    async with connected(url) as client:
        answer = (await ask(client, "go", IMAGE)).choices[0].message.content
    assert "(https://gpt.example.org/hug/v1/files/file-" in answer


async def test_the_request_id_is_the_callers_where_it_is_one(http, planner):
    """A given id is taken over into the record; anything that is not one gets a new id."""
    for given, kept in (("req-42", True), ("no id: <b>", False), ("x" * 65, False)):
        body = {"model": "hugginggpt", "messages": said("go")}
        reply = (await http.post("/v1/chat/completions", json=body, headers={"x-request-id": given})).json()
        assert (reply["hugginggpt"]["request_id"] == given) is kept
        assert reply["id"] == f"chatcmpl-{reply['hugginggpt']['request_id']}"


async def test_two_controllers_on_one_store_share_a_conversation(serve, make_pipeline, planner, fleet):
    """What one replica kept, another finds: files, artifacts and what an answer was about."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("speaker", "text-to-speech", gives=Output(audio=Audio(np.zeros(80, np.float32), 8_000)))
    urls = [await serve(make_pipeline()) for _ in range(2)]
    one, other = [connected(url) for url in urls]
    async with one, other:
        stored = await one.files.create(file=("page.png", PNG), purpose="user_data")
        planner.script = [
            step(0, "image-to-text", image="page.png"),
            step(1, "text-to-speech", text="<GENERATED>-0"),
        ]
        messages = said("read it", {"type": "file", "file": {"file_id": stored.id}})
        reply = await other.chat.completions.create(model="hugginggpt", messages=messages)
        answer = reply.choices[0].message.content
        messages += [{"role": "assistant", "content": answer}, *said("again")]
        await one.chat.completions.create(model="hugginggpt", messages=messages)
        asked, answered = planner.asked[-1].history
        assert [resource.id for resource in asked.resources] == [stored.id]
        assert answered.result == "hello"
        (artifact,) = answered.resources
        assert (await one.files.content(artifact.id)).content.startswith(b"RIFF")


async def test_half_a_character_does_no_harm(http, planner, fleet):
    """A lone surrogate in the JSON is answered like any other text."""
    fleet.add("short", "summarization", gives=Output(text="ok"))
    planner.script = [step(0, "summarization", text="x")]
    body = json.dumps({"model": "hugginggpt", "messages": said("say \ud800")}).encode()
    assert (await http.post("/v1/chat/completions", content=body)).status_code == 200
