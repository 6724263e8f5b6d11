import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from controller import intake as intake_module
from controller.errors import FetchError, RequestError, TooLarge, UnknownFile, UnsupportedMedia
from controller.fetcher import Fetcher
from controller.intake import Budget, Intake
from controller.settings import Limits, StoreSettings
from controller.store import Store
from deployments.media import encode
from deployments.values import Audio


def picture(format="PNG") -> bytes:
    buffer = BytesIO()
    PIL.Image.new("RGB", (8, 6), "red").save(buffer, format)
    return buffer.getvalue()


def recording() -> bytes:
    return encode(Audio(np.zeros(800, dtype=np.float32), 8_000)).data


def data_url(data: bytes, media_type="image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


LIMITS = Limits(file_bytes=3_000, request_bytes=5_000, request_files=3)


@pytest.fixture
def store(tmp_path):
    return Store(StoreSettings(url=str(tmp_path)))


@pytest.fixture
async def intake(store):
    fetcher = Fetcher(LIMITS, allow=lambda address: str(address) == "127.0.0.1")
    yield Intake(store, fetcher, LIMITS)
    await fetcher.aclose()


@pytest.fixture
def budget():
    return Budget(LIMITS)


@pytest.fixture
def site():
    """A web site: path → body, whatever type it declares."""
    pages: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", pages
    server.shutdown()
    thread.join()
    server.server_close()


async def test_an_upload_is_checked_and_kept(intake, store):
    """Kind and media type are those of the bytes."""
    file = await intake.upload(picture("JPEG"), "holiday.png")
    assert (file.name, file.kind, file.media_type) == ("holiday.png", "image", "image/jpeg")
    assert file.purpose == "user_data"
    assert await store.read(file.id) == picture("JPEG")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (picture(), "image.png"),
        (picture("JPEG"), "image.jpg"),
        (recording(), "audio.wav"),
        (b"hello", "text.txt"),
    ],
)
async def test_a_file_without_a_name_gets_one_that_says_what_it_is(intake, data, name):
    """So that it can be spoken of."""
    assert (await intake.upload(data)).name == name
    assert (await intake.upload(data, "../..")).name == name


async def test_what_the_guard_refuses_is_not_kept(intake, store, budget):
    """By every way in."""
    with pytest.raises(UnsupportedMedia):
        await intake.upload(b"%PDF-1.7", "a.png")
    with pytest.raises(UnsupportedMedia):
        await intake.inline(data_url(b"%PDF-1.7"), budget)
    assert await store.list() == ()


@pytest.mark.parametrize(
    ("payload", "kind", "data"),
    [
        (data_url(picture()), "image", picture()),
        (data_url(picture(), "text/html;charset=utf-8"), "image", picture()),
        (base64.b64encode(recording()).decode(), "audio", recording()),
        (base64.encodebytes(picture()).decode(), "image", picture()),
        ("data:;base64,aGVsbG8=", "text", b"hello"),
        ("data:text/plain,hello%20w%C3%B6rld,%20you", "text", "hello wörld, you".encode()),
        ("data:,hi", "text", b"hi"),
    ],
)
async def test_a_file_in_the_request_is_taken_as_data_url_or_base64(
    intake, store, budget, payload, kind, data
):
    """The type it declares plays no part."""
    file = await intake.inline(payload, budget)
    assert file.kind == kind
    assert await store.read(file.id) == data


@pytest.mark.parametrize(
    "payload", ["data:image/png;base64", "data:image/png;base64,@@@@", "not base64!", "aGVsbG8"]
)
async def test_a_payload_that_cannot_be_decoded_is_a_request_error(intake, budget, payload):
    """The message says what is wrong with it."""
    with pytest.raises(RequestError, match=r"base64|comma"):
        await intake.inline(payload, budget)


@pytest.mark.parametrize("payload", [data_url(bytes(3_003)), "A" * 4_004, "data:," + "a" * 9_003])
async def test_a_payload_that_is_too_large_is_refused_before_it_is_decoded(
    intake, budget, payload, monkeypatch
):
    """Its length alone tells."""
    for module, decoder in ((intake_module.base64, "b64decode"), (intake_module, "unquote_to_bytes")):
        monkeypatch.setattr(module, decoder, lambda *args, **options: pytest.fail("decoded"))
    with pytest.raises(TooLarge, match="3,000 bytes"):
        await intake.inline(payload, budget)


async def test_a_payload_of_exactly_the_limit_is_accepted(intake, budget):
    """The check before decoding does not cut into what is allowed."""
    for payload in (base64.encodebytes(b"a" * 3_000).decode(), "data:," + "%61" * 2_000):
        assert (await intake.inline(payload, budget)).kind == "text"


async def test_a_file_behind_a_url_is_fetched_and_named_after_it(intake, store, budget, site):
    """The server's declared type plays no part."""
    base, pages = site
    pages["/pics/my%20cat.png?size=big"] = picture()
    file = await intake.url(f"{base}/pics/my%20cat.png?size=big", budget)
    assert (file.name, file.media_type) == ("my cat.png", "image/png")
    assert await store.read(file.id) == picture()


async def test_a_url_without_a_file_name_still_gives_a_named_file(intake, budget, site):
    """The kind gives the name; one that is passed comes first; dots and slashes do no harm."""
    base, pages = site
    pages["/"] = pages["/..%2F..%2Fx.png"] = picture()
    assert (await intake.url(f"{base}/", budget)).name == "image.png"
    assert (await intake.url(f"{base}/", budget, "cat.png")).name == "cat.png"
    assert (await intake.url(f"{base}/..%2F..%2Fx.png", budget)).name == "x.png"


async def test_a_data_url_is_taken_where_a_url_is(intake, budget):
    """An image_url part holds either."""
    assert (await intake.url(data_url(picture()), budget)).media_type == "image/png"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "http://127.0.0.2/", "DATA:,x"])
async def test_other_urls_are_not_fetched(intake, budget, url):
    """The intake has no way around the fetcher."""
    with pytest.raises(FetchError):
        await intake.url(url, budget)


async def test_one_request_cannot_attach_too_many_files(intake, budget, site):
    """Every way in counts, and the one too many is neither decoded nor fetched."""
    base, _ = site
    stored = await intake.upload(b"hello")
    await intake.stored(stored.id, budget)
    for _ in range(2):
        await intake.inline("data:,hi", budget)
    for attach in (
        intake.inline("data:,hi", budget),
        intake.url(f"{base}/", budget),
        intake.stored(stored.id, budget),
    ):
        with pytest.raises(TooLarge, match="at most 3 files"):
            await attach
    assert (await intake.inline("data:,hi", Budget(LIMITS))).kind == "text"


async def test_one_request_cannot_attach_too_many_bytes(intake, budget, site):
    """Files that are small enough each are refused where their sum is not."""
    base, pages = site
    pages["/a.txt"] = b"a" * 2_500
    stored = await intake.upload(b"a" * 2_500)
    await intake.url(f"{base}/a.txt", budget)
    await intake.stored(stored.id, budget)
    with pytest.raises(TooLarge, match="5,000 bytes together"):
        await intake.inline("data:,a", budget)


async def test_a_stored_file_is_attached_by_its_id(intake, budget):
    """An unknown id is an error."""
    file = await intake.upload(b"hello")
    assert await intake.stored(file.id, budget) == file
    with pytest.raises(UnknownFile):
        await intake.stored("file-" + "0" * 32, budget)
