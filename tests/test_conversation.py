import base64

import numpy as np
import pytest

from controller.conversation import Conversation
from controller.errors import RequestError, TooLarge, UnknownFile, UnsupportedMedia
from controller.fetcher import Fetcher
from controller.intake import Budget, Intake
from controller.pipeline import answer_key
from controller.schema import Artifact, Run, StepResult, Timings
from controller.settings import Limits
from deployments.media import encode
from deployments.values import Audio, Image

PNG = encode(Image(np.zeros((4, 4, 3), np.uint8))).data
WAV = encode(Audio(np.zeros(80, np.float32), 8_000)).data
LIMITS = Limits(request_files=4)


def data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


IMAGE = {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png")}}
AUDIO = {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}}


def file(data: bytes = b"some words", media_type="text/plain", **more) -> dict:
    return {"type": "file", "file": {"file_data": data_url(data, media_type), **more}}


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def user(*parts) -> dict:
    return {"role": "user", "content": parts[0] if isinstance(parts[0], str) else list(parts)}


def assistant(words: str) -> dict:
    return {"role": "assistant", "content": words}


@pytest.fixture
async def conversation(store):
    fetcher = Fetcher(LIMITS)
    yield Conversation(store, Intake(store, fetcher, LIMITS), LIMITS.text_chars)
    await fetcher.aclose()


@pytest.fixture
def read(conversation):
    """Messages as a request, files taken in."""
    return lambda *messages: conversation.read(list(messages), "r", Budget(LIMITS))


@pytest.fixture
def sketch(conversation):
    """Messages as a request, files only named."""
    return lambda *messages: conversation.sketch(list(messages), "r")


def named(resources) -> list[tuple[str, str]]:
    return [(resource.name, resource.kind) for resource in resources]


async def test_plain_text_is_the_request(read):
    """Content may be a string or text parts, which are joined."""
    assert (await read(user("read it"))).text == "read it"
    assert (await read(user(text("read it"), text("aloud")))).text == "read it\naloud"


async def test_every_content_part_becomes_a_stored_file(read, store):
    """Images, sounds and files are kept, of the kind their bytes are, under a name."""
    request = await read(user(text("go"), IMAGE, AUDIO, file(filename="note.txt")))
    assert named(request.resources) == [("image.png", "image"), ("audio.wav", "audio"), ("note.txt", "text")]
    assert await store.read(request.resources[0].id) == PNG


async def test_an_uploaded_file_is_attached_by_id(read, sketch, store):
    """Its name and kind come from the store, in a plan without execution too."""
    stored = await store.put(PNG, "photo.png", "image", "image/png")
    part = {"type": "file", "file": {"file_id": stored.id}}
    for request in (await read(user(text("go"), part)), await sketch(user(text("go"), part))):
        assert named(request.resources) == [("photo.png", "image")]


async def test_an_unknown_file_id_is_refused(read, sketch):
    """The id may have outlived its file."""
    part = {"type": "file", "file": {"file_id": "file-" + "0" * 32}}
    for reading in (read, sketch):
        with pytest.raises(UnknownFile):
            await reading(user(text("go"), part))


async def test_a_null_beside_the_data_is_no_id(read):
    """Some clients write out every field."""
    request = await read(user(text("go"), file(file_id=None, filename="a.txt")))
    assert named(request.resources) == [("a.txt", "text")]


async def test_names_are_unique_and_the_newest_file_keeps_its_own(read):
    """Two files of one name can be told apart, and the user's words mean the one just sent."""
    request = await read(
        user(text("first"), file(b"old", filename="a.txt")),
        assistant("done"),
        user(text("again"), file(b"new", filename="a.txt"), file(b"newer", filename="a.txt")),
    )
    assert [resource.name for resource in request.resources] == ["a.txt", "a-2.txt"]
    assert [resource.name for resource in request.history[0].resources] == ["a-3.txt"]


async def test_earlier_turns_are_history(read):
    """The last message is the request; older ones keep their files, oldest first."""
    request = await read(user(text("what is this?"), IMAGE), assistant("A square."), user("say it aloud"))
    first, second = request.history
    assert (request.text, request.resources) == ("say it aloud", ())
    assert (first.role, first.text, named(first.resources)) == (
        "user",
        "what is this?",
        [("image.png", "image")],
    )
    assert (second.role, second.text, second.result) == ("assistant", "A square.", None)


async def test_an_answer_on_record_brings_back_what_it_produced(read, store):
    """The last text and the artifacts of an earlier run are at hand, spaces changed or not."""
    made = await store.put(PNG, "edges.png", "image", "image/png", "artifact")
    artifact = Artifact(
        id=made.id, name="edges.png", kind="image", media_type="image/png", bytes=made.bytes, url="http://x"
    )
    steps = (
        StepResult(
            request_id="r", task="image-to-text", id=0, dep=(), args={}, status="ok", text="long text"
        ),
        StepResult(
            request_id="r", task="summarization", id=1, dep=(0,), args={}, status="ok", text="short text"
        ),
        StepResult(
            request_id="r", task="canny-control", id=2, dep=(), args={}, status="ok", artifacts=(artifact,)
        ),
        StepResult(request_id="r", task="translation", id=3, dep=(), args={}, status="failed", text=None),
    )
    answer = "Here:\n\nshort text"
    run = Run(request_id="q", planner="p", plan=(), steps=steps, timings=Timings(), answer=answer)
    await store.put_record(answer_key(answer), run.model_dump(mode="json"))
    request = await read(user("go"), assistant("Here: short text\n"), user("read that aloud"))
    turn = request.history[1]
    assert turn.result == "short text"
    assert turn.resources[0].id == made.id and named(turn.resources) == [("edges.png", "image")]


async def test_what_was_made_on_the_way_is_told_apart(read, store):
    """An image from which an answer made another is interim; the last one is not."""
    steps = []
    for id in (0, 1):
        made = await store.put(PNG, f"{id}.png", "image", "image/png", "artifact")
        artifact = Artifact(
            **made.model_dump(include={"id", "name", "kind", "media_type", "bytes"}), url="http://x"
        )
        dep = (0,) if id else ()
        steps.append(
            StepResult(
                request_id="r",
                task="image-to-image",
                id=id,
                dep=dep,
                args={},
                status="ok",
                artifacts=(artifact,),
            )
        )
    run = Run(request_id="q", planner="p", plan=(), steps=tuple(steps), timings=Timings(), answer="done")
    await store.put_record(answer_key("done"), run.model_dump(mode="json"))
    request = await read(user("go"), assistant("done"), user("blur it"))
    assert [(r.name, r.interim) for r in request.history[1].resources] == [("0.png", True), ("1.png", False)]


async def test_an_answer_off_record_is_read_for_links(read, store):
    """Files that an answer links are at hand while they exist."""
    made = await store.put(WAV, "speech.wav", "audio", "audio/wav", "artifact")
    gone = "file-" + "0" * 32
    said = f"[a](http://x/v1/files/{made.id}/content) [b](http://x/v1/files/{gone}/content)"
    request = await read(user("go"), assistant(said), user("again"))
    assert [resource.id for resource in request.history[1].resources] == [made.id]


async def test_instructions_to_the_model_are_not_the_users(read):
    """System and developer messages are passed over."""
    system = {"role": "system", "content": "You are a pirate."}
    developer = {"role": "developer", "content": "Be brief."}
    request = await read(system, developer, user("read it"))
    assert (request.text, request.history) == ("read it", ())


async def test_a_sketch_keeps_and_opens_nothing(sketch, store):
    """Kinds come from names and declared types alone; no byte is looked at."""
    request = await sketch(
        user(
            text("go"),
            {"type": "image_url", "image_url": {"url": "https://nowhere.invalid/a/photo%201.jpg?x=1"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,not-a-picture"}},
            {"type": "input_audio", "input_audio": {"data": "x", "format": "mp3"}},
            {"type": "file", "file": {"filename": "../talk.wav", "file_data": "x"}},
            {"type": "file", "file": {"file_data": "data:image/jpeg;base64,x"}},
            {"type": "file", "file": {"filename": "unknown"}},
        )
    )
    assert named(request.resources) == [
        ("photo 1.jpg", "image"),
        ("image.png", "image"),
        ("audio.mp3", "audio"),
        ("talk.wav", "audio"),
        ("image.jpg", "image"),
        ("unknown", "text"),
    ]
    assert await store.list() == ()


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        "read it",
        ["read it"],
        [{"content": "read it"}],
        [{"role": ["user"], "content": "read it"}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": ["read it"]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "user", "content": [{"text": "read it"}]}],
        [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": "http://x/a.png"}]}],
        [{"role": "user", "content": [{"type": "file", "file": {}}]}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": "  "}],
        [{"role": "user", "content": [IMAGE]}],
        [{"role": "assistant", "content": "hello"}],
        [{"role": "system", "content": "hello"}],
        [{"role": "tool", "content": "hello"}, {"role": "user", "content": "hello"}],
        [{"role": "user", "content": [{"type": "text", "text": "go"}, file(filename=5)]}],
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "go"},
                    {"type": "image_url", "image_url": {"url": "http://[bad"}},
                ],
            }
        ],
    ],
)
async def test_messages_of_another_shape_are_refused(conversation, messages):
    """A malformed body is the client's error, whatever is wrong with it."""
    with pytest.raises(RequestError) as caught:
        await conversation.read(messages, "r", Budget(LIMITS))
    assert caught.value.status == 400


async def test_a_sketch_refuses_a_malformed_url(sketch):
    """It is read for its name only, and has none."""
    with pytest.raises(RequestError):
        await sketch(user(text("go"), {"type": "image_url", "image_url": {"url": "http://[bad"}}))


async def test_half_characters_are_replaced(read):
    """JSON can carry lone surrogates; no stage after this has to reckon with them."""
    assert (await read(user("say \ud800 aloud"))).text == "say ? aloud"
    assert (await read(user(text("say \ud800 aloud")))).text == "say ? aloud"


async def test_media_that_is_none_is_refused(read):
    """A file is what its bytes say."""
    bad = {"type": "image_url", "image_url": {"url": data_url(b"\x00\x01\x02", "image/png")}}
    with pytest.raises(UnsupportedMedia):
        await read(user(text("go"), bad))


async def test_a_conversation_has_so_many_files_at_most(read):
    """All turns count: every one of them is taken in."""
    parts = [file(filename=f"{i}.txt") for i in range(3)]
    with pytest.raises(TooLarge):
        await read(user(text("go"), *parts), assistant("ok"), user(text("go"), *parts[:2]))


async def test_a_message_that_is_too_long_is_refused(read):
    """Words are bounded like files: a longer text is told to be too large."""
    with pytest.raises(TooLarge, match="100,000 characters"):
        await read({"role": "user", "content": "x" * (LIMITS.text_chars + 1)})
