import asyncio
import logging
import math
import os
import re
import stat
import time
import unicodedata
from pathlib import Path
from uuid import uuid4

import pytest

from controller import store as store_module
from controller.errors import UnknownFile
from controller.settings import StoreSettings
from controller.store import Store, clean_name


@pytest.fixture(params=["folder", "file", "memory"])
def url(request, tmp_path):
    """A store in a plain folder, behind a file: URL, and on a file system that is no disk."""
    return {
        "folder": str(tmp_path / "store"),
        "file": f"file://{tmp_path}/store",
        "memory": f"memory://{uuid4().hex}",
    }[request.param]


@pytest.fixture
def store(url):
    return Store(StoreSettings(url=url))


def expiring(url) -> Store:
    """A store on the same place in which everything has outlived its time at once."""
    return Store(StoreSettings(url=url, lifetime_s=1e-9))


def everything(store) -> list[str]:
    return [path for folder in ("files", "records") for path in store._names(folder)]


async def test_a_file_is_kept_with_what_is_known_about_it(store):
    """What was put can be got, read and listed."""
    before = int(time.time())
    file = await store.put(b"pixels", "cat.png", "image", "image/png", "artifact")
    assert re.fullmatch("file-[0-9a-f]{32}", file.id)
    assert (file.name, file.kind, file.media_type, file.bytes) == ("cat.png", "image", "image/png", 6)
    assert file.purpose == "artifact"
    assert file.expires_at - file.created_at == 86_400 and file.created_at >= before
    assert await store.get(file.id) == file
    assert await store.read(file.id) == b"pixels"
    assert await store.list() == (file,)


async def test_files_of_the_same_name_are_different_files(store):
    """Names are metadata; ids are the identity."""
    one = await store.put(b"1", "a.txt", "text", "text/plain")
    two = await store.put(b"2", "a.txt", "text", "text/plain")
    assert one.id != two.id
    assert [await store.read(file.id) for file in (one, two)] == [b"1", b"2"]
    assert {file.id for file in await store.list()} == {one.id, two.id}


async def test_two_replicas_share_one_store(url):
    """What one Store puts, records or deletes, another on the same URL sees."""
    one, two = Store(StoreSettings(url=url)), Store(StoreSettings(url=url))
    assert await two.list() == ()
    file = await one.put(b"x", "a.txt", "text", "text/plain")
    await one.put_record("run-1", {"answer": 42})
    assert await two.list() == (file,)
    assert await two.read(file.id) == b"x"
    assert await two.get_record("run-1") == {"answer": 42}
    await two.delete(file.id)
    with pytest.raises(UnknownFile):
        await one.get(file.id)


async def test_a_deleted_file_is_gone(store):
    """Content and metadata; a second delete says that there is no such file."""
    file = await store.put(b"x", "a.txt", "text", "text/plain")
    await store.delete(file.id)
    assert await store.list() == () and everything(store) == []
    for call in (store.get, store.read, store.delete):
        with pytest.raises(UnknownFile, match=file.id):
            await call(file.id)


@pytest.mark.parametrize(
    "id",
    [
        *("", "file-", "../../etc/passwd", "file-../../../../etc/passwd", "/etc/passwd", "file-" + "A" * 32),
        *("file-" + "0" * 31, "file-" + "0" * 33, "file-" + "0" * 32 + "\n", "file-" + "0" * 32 + ".json"),
        *("file-" + "0" * 32 + "\0", "records/run-1", "file-" + "٣" * 32),
    ],
)
async def test_an_id_that_is_none_never_becomes_a_path(store, id, monkeypatch):
    """It is refused before the file system is asked."""
    monkeypatch.setattr(store, "_fs", None)
    for call in (store.get, store.read, store.delete):
        with pytest.raises(UnknownFile, match="32 hexadecimal digits"):
            await call(id)


async def test_an_unknown_id_is_an_unknown_file(store):
    """A well-formed id of no file."""
    with pytest.raises(UnknownFile, match="there is no file"):
        await store.read("file-" + "0" * 32)


@pytest.mark.parametrize("key", ["", "../x", "a/b", "a.b", "x" * 129, "a\n", "ü"])
async def test_a_record_key_that_could_be_a_path_is_refused(store, key):
    """Keys come from the program, so a bad one is an error of the program."""
    with pytest.raises(ValueError, match="not a record key"):
        await store.put_record(key, {})
    with pytest.raises(ValueError, match="not a record key"):
        await store.get_record(key)


async def test_a_record_is_replaced_by_a_later_one(store):
    """One key, one value; an unknown key has none."""
    assert await store.get_record("run-1") is None
    await store.put_record("run-1", {"text": "first, and longer"})
    await store.put_record("run-1", {"text": "second"})
    assert await store.get_record("run-1") == {"text": "second"}


async def test_what_has_outlived_its_time_is_gone_even_before_the_clean_up(url):
    """The lifetime holds for every read."""
    store = expiring(url)
    store._next_sweep = math.inf
    file = await store.put(b"x", "a.txt", "text", "text/plain")
    await store.put_record("run-1", {})
    with pytest.raises(UnknownFile, match="outlived its time"):
        await store.read(file.id)
    assert await store.get_record("run-1") is None
    assert await store.list() == ()


async def test_the_clean_up_removes_what_has_outlived_its_time_and_nothing_else(url):
    """Content, metadata, records, and content whose metadata was never written."""
    living = Store(StoreSettings(url=url))
    await living.put(b"x", "a.txt", "text", "text/plain")
    await living.put_record("run-1", {})
    living._write(living._path("files", "file-" + "0" * 32), b"of a replica that died")
    await living.sweep()
    assert len(everything(living)) == 4
    await expiring(url).sweep()
    assert everything(living) == []


async def test_a_write_sets_off_the_clean_up_once_per_interval(store, monkeypatch):
    """No loop runs beside the service."""
    sweeps = 0

    async def sweep():
        nonlocal sweeps
        sweeps += 1

    monkeypatch.setattr(store, "sweep", sweep)
    for _ in range(3):
        await store.put(b"x", "a.txt", "text", "text/plain")
    await store._sweeping
    assert sweeps == 1
    monkeypatch.setattr(store, "_next_sweep", 0.0)
    await store.put_record("run-1", {})
    await store._sweeping
    assert sweeps == 2


async def test_a_clean_up_that_fails_is_logged_and_the_write_still_succeeds(store, monkeypatch, caplog):
    """Nobody awaits the clean-up, so its error must not be lost."""

    def broken():
        raise OSError("disk on fire")

    monkeypatch.setattr(store, "_sweep", broken)
    with caplog.at_level(logging.ERROR, store_module.__name__):
        file = await store.put(b"x", "a.txt", "text", "text/plain")
        await asyncio.wait([store._sweeping])
        await asyncio.sleep(0)  # lets the task's callback run
    assert "disk on fire" in caplog.text
    assert await store.read(file.id) == b"x"


async def test_a_file_exists_only_once_its_content_is_complete(store, monkeypatch):
    """Content is written before the metadata that makes it visible."""
    written = []
    write = store._write

    def spy(path, data):
        assert store._list() == ()
        written.append(path)
        write(path, data)

    monkeypatch.setattr(store, "_write", spy)
    file = await store.put(b"x", "a.txt", "text", "text/plain")
    assert [Path(path).name for path in written] == [file.id, f"{file.id}.json"]


async def test_a_reader_never_sees_part_of_a_record(store):
    """While a record is rewritten again and again, every read gives one whole value."""
    values = [{"text": letter * 200_000} for letter in "ab"]
    await store.put_record("run-1", values[0])

    async def write():
        for turn in range(20):
            await store.put_record("run-1", values[turn % 2])

    writing = asyncio.create_task(write())
    for _ in range(40):
        assert await store.get_record("run-1") in values
    await writing


async def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    """A full disk in the middle of a record keeps the old one whole."""
    store = Store(StoreSettings(url=str(tmp_path)))
    await store.put_record("run-1", {"text": "old"})

    def full(path, data):
        Path(path).write_bytes(data[:5])
        raise OSError("no space left on device")

    monkeypatch.setattr(store._fs, "pipe_file", full)
    with pytest.raises(OSError, match="no space"):
        await store.put_record("run-1", {"text": "new"})
    assert await store.get_record("run-1") == {"text": "old"}


async def test_a_local_folder_is_made_for_its_owner_alone(tmp_path, monkeypatch):
    """Other users of the machine cannot read uploads; a relative URL is a folder here."""
    monkeypatch.chdir(tmp_path)
    store = Store(StoreSettings(url=".store"))
    await store.put(b"x", "a.txt", "text", "text/plain")
    assert stat.S_IMODE(os.stat(tmp_path / ".store").st_mode) == 0o700
    assert len(list((tmp_path / ".store" / "files").iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("cat.png", "cat.png"),
        ("Grüße 2.tar.gz", "Grüße 2.tar.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("a\r\nSet-Cookie: x\0.png", "aSet-Cookie: x.png"),
        ("gnp.\u202etac", "gnp.tac"),
        (" .hidden. ", "hidden"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
        ("x" * 300, "x" * 120),
        ("a." + "x" * 300, "a." + "x" * 118),
        *((name, "file") for name in ("", "..", "/", "a/", "\n", "...")),
    ],
)
async def test_a_name_is_made_harmless(tmp_path, name, clean):
    """No folders, no control characters, not too long; and it never becomes a path."""
    assert clean_name(name) == clean
    store = Store(StoreSettings(url=str(tmp_path / "store")))
    file = await store.put(b"x", name, "text", "text/plain")
    assert file.name == clean
    assert not any(unicodedata.category(char)[0] == "C" for char in file.name)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {file.id, f"{file.id}.json"}
