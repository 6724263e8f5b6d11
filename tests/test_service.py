"""The real service: serve_config.yaml on a Ray cluster, over HTTP, with the openai client."""

import asyncio
import base64
import os
import re
import signal
from io import BytesIO

import httpx2
import numpy as np
import openai
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
import soundfile
from conftest import told

from controller.schema import Run

pytestmark = [pytest.mark.ray, pytest.mark.model]

# Nothing here takes as long.
LONG_S = 90

INVOICE = (
    "Northwind Paper Ltd. sends you invoice number 4711.",
    "The total amount of this invoice is 482.50 EUR.",
    "Please pay the total amount within thirty days.",
)
MUSEUM = """The city museum is in the old harbour. It shows ships and maps.
On weekdays the museum opens at nine. On Sundays the museum opens at eleven in the morning.
Tickets cost eight euros. Children go in free."""


def page(*lines: str) -> bytes:
    """A printed page as PNG."""
    image = PIL.Image.new("RGB", (1000, 60 + 60 * len(lines)), "white")
    draw = PIL.ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((30, 30 + 60 * row), line, "black", PIL.ImageFont.load_default(32))
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def photo() -> bytes:
    """A coloured scene with a sign in it."""
    image = PIL.Image.new("RGB", (640, 480), "skyblue")
    draw = PIL.ImageDraw.Draw(image)
    draw.rectangle((0, 360, 640, 480), "darkgreen")
    draw.ellipse((480, 40, 580, 140), "gold")
    draw.rectangle((100, 160, 420, 300), "white", "black", 6)
    draw.text((130, 195), "BEWARE DOG", "black", PIL.ImageFont.load_default(44))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def part(data: bytes, name: str) -> dict:
    media_type = {"png": "image/png", "jpg": "image/jpeg", "txt": "text/plain"}[name.rpartition(".")[2]]
    url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "file": {"file_data": url, "filename": name}}


def said(text: str, *parts: dict) -> dict:
    return {"role": "user", "content": [{"type": "text", "text": text}, *parts]}


@pytest.fixture
async def http(cluster):
    async with httpx2.AsyncClient(base_url=cluster.url, trust_env=False, timeout=LONG_S) as http:
        yield http


@pytest.fixture
async def client(http, cluster):
    return openai.AsyncOpenAI(
        base_url=f"{cluster.url}/v1", api_key="any", max_retries=0, http_client=http, timeout=LONG_S
    )


@pytest.fixture
def ask(client):
    """Messages → the answer and the record."""

    async def ask(*messages) -> tuple[str, Run]:
        reply = await client.chat.completions.create(model="hugginggpt", messages=messages)
        return reply.choices[0].message.content, Run.model_validate(reply.hugginggpt)

    return ask


@pytest.fixture
def fetch(client):
    """The only artifact of a step, as bytes."""

    async def fetch(result) -> bytes:
        (artifact,) = result.artifacts
        data = (await client.files.content(artifact.id)).content
        assert len(data) == artifact.bytes
        return data

    return fetch


@pytest.fixture
def pipe(cluster):
    """What the told expert says through one of its pipes, once it does; not if a request ends before."""

    async def hear(name: str, *requests: asyncio.Task) -> str:
        loop = asyncio.get_running_loop()
        spoken = loop.create_future()
        fd = os.open(cluster.folder / name, os.O_RDONLY | os.O_NONBLOCK)
        loop.add_reader(fd, lambda: spoken.done() or spoken.set_result(os.read(fd, 100)))
        try:
            await asyncio.wait([spoken, *requests], timeout=LONG_S, return_when=asyncio.FIRST_COMPLETED)
            assert spoken.done(), f"the expert was never {name}: {requests}"
            return spoken.result().decode()
        finally:
            loop.remove_reader(fd)
            os.close(fd)

    return hear


def assert_speech(wav: bytes, at_least_s: float) -> None:
    samples, rate = soundfile.read(BytesIO(wav))
    assert len(samples) / rate > at_least_s
    assert np.sqrt(np.mean(samples**2)) > 0.01


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


async def eventually(condition) -> None:
    """The cluster tells nobody when it has changed."""
    async with asyncio.timeout(LONG_S):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_an_invoice_is_read_summarised_and_spoken(ask, fetch, http):
    """OCR, summary and speech run in a chain; the summary is one sentence of the page, the WAV speaks it."""
    answer, run = await ask(
        said("Read this, summarise it in one sentence and say it aloud", part(page(*INVOICE), "invoice.png"))
    )
    read, summary, speech = run.steps
    assert [step.task for step in run.steps] == ["image-to-text", "summarization", "text-to-speech"]
    assert [step.dep for step in run.steps] == [(), (0,), (1,)]
    assert [step.status for step in run.steps] == ["ok"] * 3
    assert "482.50" in read.text and "4711" in read.text
    assert all({"text", "box", "score"} <= line.keys() for line in read.data["lines"])
    assert words(summary.text) <= words(read.text) and len(summary.text) < len(read.text)
    assert_speech(await fetch(speech), 1.0)
    assert summary.text.split("\n")[0] in answer and speech.artifacts[0].url in answer
    assert (await http.get(speech.artifacts[0].url)).headers["content-type"] == "audio/wav"


async def test_two_pages_are_compared(ask):
    """Two OCRs run side by side; pages that say the same score above pages that do not."""
    same = ("The shop is closed on Monday.", "We open again on Tuesday.")
    question = "Do these two pages say the same?"
    (answer, alike), (_, different) = await asyncio.gather(
        ask(said(question, part(page(*same), "a.png"), part(page(*same), "b.png"))),
        ask(
            said(question, part(page(*same), "a.png"), part(page("Boil the rice for ten minutes."), "b.png"))
        ),
    )
    assert [(step.task, step.dep) for step in alike.steps] == [
        ("image-to-text", ()),
        ("image-to-text", ()),
        ("sentence-similarity", (0, 1)),
    ]
    scores = [float(re.search(r"\d\.\d+", run.steps[2].text)[0]) for run in (alike, different)]
    assert scores[0] > 0.95 and scores[1] < 0.5
    assert alike.steps[2].text in answer


async def test_edges_and_text_of_one_photo(ask, fetch):
    """Two branches on one file: an edge image of its size, and the words of the sign."""
    answer, run = await ask(
        said("Make a canny edge image of this photo, and read any text in it", part(photo(), "photo.jpg"))
    )
    assert {step.task: step.dep for step in run.steps} == {"canny-control": (), "image-to-text": ()}
    by_task = {step.task: step for step in run.steps}
    edges = np.asarray(PIL.Image.open(BytesIO(await fetch(by_task["canny-control"]))).convert("L"))
    assert edges.shape == (480, 640)
    assert set(np.unique(edges)) == {0, 255} and 0.001 < (edges > 0).mean() < 0.3
    assert "BEWARE" in answer and "DOG" in answer


async def test_a_question_is_answered_from_a_text_file(ask):
    """The answer is quoted from the file."""
    answer, run = await ask(said("When does the museum open on Sundays?", part(MUSEUM.encode(), "visit.txt")))
    (step,) = run.steps
    assert step.task == "question-answering"
    assert "eleven" in answer and step.text in MUSEUM.replace("\n", " ")


async def test_a_follow_up_refers_to_what_came_before(ask, fetch):
    """“Read that aloud” speaks the text that the turn before gave."""
    first = said("Read the text in this picture", part(photo(), "photo.jpg"))
    answer, _ = await ask(first)
    _, run = await ask(first, {"role": "assistant", "content": answer}, said("Now read that aloud"))
    (step,) = run.steps
    assert step.task == "text-to-speech"
    assert words(step.args["text"]) == {"beware", "dog"}
    assert_speech(await fetch(step), 0.4)


async def test_small_talk_is_answered_politely(ask):
    """No step, and the answer says what is missing and what the service can do."""
    answer, run = await ask(said("Hello, how are you today?"))
    assert run.steps == () and "no LLM is configured" in answer


async def test_a_task_without_an_honest_model_is_refused_by_name(client):
    """The error says that no expert is deployed, and which entry would bring one."""
    with pytest.raises(openai.UnprocessableEntityError, match="no expert for object-detection is deployed"):
        await client.chat.completions.create(
            model="hugginggpt",
            messages=[said("Detect the objects in this photo", part(photo(), "photo.jpg"))],
        )


async def test_a_stream_comes_through_the_proxy_in_pieces(client):
    """Progress, answer and record arrive as separate events, in this order."""
    stream = await client.chat.completions.create(
        model="hugginggpt",
        messages=[said("Read the text in this picture", part(photo(), "photo.jpg"))],
        stream=True,
    )
    chunks = [chunk async for chunk in stream]
    reasoning = [(chunk.choices[0].delta.model_extra or {}).get("reasoning_content") for chunk in chunks]
    told = "".join(filter(None, reasoning))
    assert "plan: 0 image-to-text" in told and "started on rapidocr" in told and "done by rapidocr" in told
    run = Run.model_validate(chunks[-1].hugginggpt)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == run.answer
    assert "BEWARE" in run.answer


async def test_uploads_and_a_conversation_over_two_replicas(client, ask, fetch, cluster):
    """An uploaded file, the picture made from it and the one made from that, by whichever replica."""
    assert len(cluster.pids()["hugginggpt"]) == 2
    stored = await client.files.create(file=("photo.jpg", photo()), purpose="user_data")
    first = said("Make this photo grayscale", {"type": "file", "file": {"file_id": stored.id}})
    answer, run = await ask(first)
    gray = np.asarray(PIL.Image.open(BytesIO(await fetch(run.steps[0]))).convert("RGB"))
    assert (np.ptp(gray, axis=2) == 0).all()
    earlier = [first, {"role": "assistant", "content": answer}]
    runs = await asyncio.gather(
        *[ask(*earlier, said("Now make a canny edge image of that")) for _ in range(4)]
    )
    for _, run in runs:
        (step,) = run.steps
        assert (step.task, step.args["image"]) == ("canny-control", "image-to-image-0.png")
        edges = np.asarray(PIL.Image.open(BytesIO(await fetch(step))).convert("L"))
        assert 0 < (edges > 0).mean() < 0.3


async def test_the_originals_endpoints(http):
    """The plan, the results and the answer, in the original's shapes."""
    body = {"messages": [said("Read the text in this picture and say it aloud", part(photo(), "photo.jpg"))]}
    tasks, results, message = [
        (await http.post(path, json=body)).json() for path in ("/tasks", "/results", "/hugginggpt")
    ]
    assert tasks == [
        {"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "photo.jpg"}},
        {"task": "text-to-speech", "id": 1, "dep": [0], "args": {"text": "<GENERATED>-0"}},
    ]
    assert "BEWARE" in results["0"]["inference result"]["generated text"]
    assert results["1"]["choose model result"]["id"] == "espeak-ng"
    assert (await http.get(results["1"]["inference result"]["generated audio"])).content.startswith(b"RIFF")
    assert set(message) == {"message"} and "BEWARE" in message["message"]


async def test_a_named_file_is_planned_for_but_not_opened(http):
    """POST /tasks plans over names; asked to run, the service wants the file attached."""
    body = {"messages": [said("Read the text in /etc/hostname.png")]}
    assert (await http.post("/tasks", json=body)).json()[0]["task"] == "image-to-text"
    reply = await http.post("/v1/chat/completions", json={"model": "hugginggpt", **body})
    assert reply.status_code == 422 and "attach" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("data", "status"), [(photo()[:300] + b"\0" * 40, 415), (b"\x89PNG" + b"\0" * 25_000_000, 413)]
)
async def test_corrupt_and_oversized_pictures_are_refused(client, data, status):
    """Before anything is decoded or called."""
    with pytest.raises(openai.APIStatusError) as caught:
        await client.files.create(file=("photo.jpg", data), purpose="user_data")
    assert caught.value.status_code == status


async def test_a_step_that_raises_leaves_the_other_branch(ask):
    """The expert's exception crosses Ray as one of ours; the answer names it beside what was done."""
    answer, run = await ask(
        said(
            'Translate "break" into French and make a canny edge image of this photo', part(photo(), "p.jpg")
        )
    )
    assert {step.task: step.status for step in run.steps} == {"translation": "failed", "canny-control": "ok"}
    (failed,) = [step for step in run.steps if step.status == "failed"]
    assert failed.error.code == "model_failure" and "told to break" in failed.error.message
    assert "told to break" in answer and "canny-control" in answer


async def test_a_killed_replica_is_replaced_in_the_middle_of_a_request(ask, pipe):
    """The step is sent again to the new replica, the loss is on record, the other branch is untouched."""
    request = asyncio.create_task(
        ask(
            said(
                'Translate "wait" into French and make a canny edge image of this photo',
                part(photo(), "p.jpg"),
            )
        )
    )
    os.kill(int(await pipe("called", request)), signal.SIGKILL)
    answer, run = await request
    steps = {step.task: step for step in run.steps}
    assert [step.status for step in run.steps] == ["ok", "ok"]
    assert steps["translation"].text == "told to wait"
    assert [(a.expert, a.error.code) for a in steps["translation"].attempts] == [("told", "expert_lost")]
    assert steps["canny-control"].attempts == ()
    assert "told to wait" in answer


@pytest.mark.parametrize("stream", [False, True])
async def test_going_away_cancels_the_experts_call(client, pipe, stream):
    """A client that hangs up, streaming or not, takes the running call along."""

    async def listen():
        reply = await client.chat.completions.create(
            model="hugginggpt", messages=[said('Translate "hang" into French')], stream=stream
        )
        async for _ in reply:
            pass

    listening = asyncio.create_task(listen())
    pid = await pipe("called", listening)
    hearing = asyncio.create_task(pipe("cancelled"))
    listening.cancel()
    assert await hearing == pid


async def test_an_expert_is_added_and_removed_while_others_run(http, cluster):
    """A config entry more is visible at once and plannable, and no other process restarts."""

    async def named() -> set[str]:
        return {expert["name"] for expert in (await http.get("/v1/experts")).json()["data"]}

    before = await asyncio.to_thread(cluster.pids)
    assert await named() == {"rapidocr", "espeak", "minilm", "opencv", "told"}
    extra = told("extra", cluster.folder, "text2text-generation")
    await asyncio.to_thread(cluster.deploy, extra)

    async def there():
        return "extra" in await named()

    await eventually(there)
    after = await asyncio.to_thread(cluster.pids)
    assert {name: after[name] for name in before} == before and after["extra"]
    await asyncio.to_thread(cluster.deploy)

    async def gone():
        return "extra" not in await named()

    await eventually(gone)
    assert await asyncio.to_thread(cluster.pids) == before


async def test_experts_and_health_are_told(http, cluster):
    """Every expert with its identity, replicas and where they run; the service is ready."""
    experts = {expert["name"]: expert for expert in (await http.get("/v1/experts")).json()["data"]}
    for application in cluster.config["applications"][1:]:
        identity = experts[application["name"]]["identity"]
        assert application["args"].items() <= identity.items()
    minilm = experts["minilm"]
    assert minilm["replicas"] >= 1 and minilm["nodes"] and minilm["health"] == "healthy"
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("given", ["test-request-1", None])
async def test_the_request_id_is_in_reply_record_and_logs(http, cluster, given):
    """One id, the caller's or a new one, ties the reply's header, the record and the experts' log lines."""
    body = {
        "model": "hugginggpt",
        "messages": [said("Read the text in this picture", part(photo(), "p.jpg"))],
    }
    headers = {"x-request-id": given} if given else {}
    reply = await http.post("/v1/chat/completions", json=body, headers=headers)
    id = reply.headers["x-request-id"]
    assert id == (given or id) and reply.json()["hugginggpt"]["request_id"] == id

    async def logged() -> bool:
        logs = [
            log.read_text() for log in cluster.logs.glob("session_latest/logs/serve/replica_rapidocr_*.log")
        ]
        return any(f"request {id} step 0: image-to-text" in log for log in logs)

    await eventually(logged)


async def test_errors_come_through_the_proxy_in_openais_shape(http, client):
    """Unknown model, malformed body, unknown file and unknown route."""
    message = {"role": "user", "content": "hello"}
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="gpt-4", messages=[message])
    assert caught.value.code == "model_not_found"
    for reply, status in (
        (await http.post("/v1/chat/completions", content=b"{"), 400),
        (await http.get("/v1/files/file-" + "0" * 32), 404),
        (await http.get("/v1/nothing"), 404),
    ):
        assert reply.status_code == status
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
