"""The store: uploads, artifacts and run records, in a folder or an object store behind fsspec.

The controller keeps no state, so every replica works on the same store:

files/file-<32 hex>         the content, written first
files/file-<32 hex>.json    the StoredFile; a file exists once this does
records/<key>.json          a run record

A name is only ever metadata; ids and keys are checked before they become a path.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict

from controller.errors import UnknownFile
from controller.settings import StoreSettings
from deployments.values import Kind

log = logging.getLogger(__name__)

Purpose = Literal["user_data", "artifact"]

# Seconds from one clean-up to the next, at least.
SWEEP_INTERVAL_S = 600.0
_NAME_CHARS = 120
_FILE_ID = re.compile(r"file-[0-9a-f]{32}")
_KEY = re.compile(r"[0-9A-Za-z_-]{1,128}")


class StoredFile(BaseModel):
    """A file of the store; times are whole seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    kind: Kind
    media_type: str
    bytes: int
    created_at: int
    expires_at: int
    purpose: Purpose


class Store:
    """Files and records with a lifetime. What one Store has put, another on the same URL finds."""

    def __init__(self, settings: StoreSettings) -> None:
        self._lifetime_s = settings.lifetime_s
        # Listings are not cached: other replicas write too.
        self._fs, self._root = url_to_fs(settings.url, use_listings_cache=False)
        if isinstance(self._fs, LocalFileSystem):
            Path(self._root).mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in ("files", "records"):
                Path(self._root, folder).mkdir(exist_ok=True)
        self._next_sweep = 0.0
        self._sweeping: asyncio.Task[None] | None = None

    async def put(
        self, data: bytes, name: str, kind: Kind, media_type: str, purpose: Purpose = "user_data"
    ) -> StoredFile:
        """Keep a file for its lifetime. Its id is new and cannot be guessed; its name is made harmless."""
        now = time.time()
        file = StoredFile(
            id=f"file-{secrets.token_hex(16)}",
            name=clean_name(name),
            kind=kind,
            media_type=media_type,
            bytes=len(data),
            created_at=int(now),
            expires_at=int(now + self._lifetime_s),
            purpose=purpose,
        )
        await asyncio.to_thread(self._put, file, data)
        self._sweep_when_due()
        return file

    async def get(self, id: str) -> StoredFile:
        """Raises UnknownFile where there is no such file, or no longer."""
        if not _FILE_ID.fullmatch(id):
            raise UnknownFile("a file id is 'file-' and 32 hexadecimal digits, as POST /v1/files returned it")
        file = await asyncio.to_thread(self._get, self._path("files", f"{id}.json"))
        if file is None:
            raise _unknown(id)
        return file

    async def read(self, id: str) -> bytes:
        """The content. Raises UnknownFile."""
        file = await self.get(id)
        try:
            data: bytes = await asyncio.to_thread(self._fs.cat_file, self._path("files", file.id))
        except FileNotFoundError as error:
            raise _unknown(id) from error
        return data

    async def delete(self, id: str) -> None:
        """Raises UnknownFile."""
        file = await self.get(id)
        await asyncio.to_thread(self._remove, self._path("files", f"{file.id}.json"))
        await asyncio.to_thread(self._remove, self._path("files", file.id))

    async def list(self) -> tuple[StoredFile, ...]:
        """Every file, newest first."""
        return await asyncio.to_thread(self._list)

    async def put_record(self, key: str, value: dict[str, Any]) -> None:
        """Keep a JSON object under a key of letters, digits, `_` and `-`, in place of an earlier one."""
        record = {"expires_at": time.time() + self._lifetime_s, "value": value}
        await asyncio.to_thread(self._write, self._record(key), json.dumps(record).encode())
        self._sweep_when_due()

    async def get_record(self, key: str) -> dict[str, Any] | None:
        """The object under this key, None where there is none or no longer."""
        try:
            data = await asyncio.to_thread(self._fs.cat_file, self._record(key))
        except FileNotFoundError:
            return None
        record = json.loads(data)
        value: dict[str, Any] = record["value"]
        return value if time.time() < record["expires_at"] else None

    async def sweep(self) -> None:
        """Remove what has outlived its lifetime, half-written files of a dead replica included."""
        await asyncio.to_thread(self._sweep)

    def _sweep_when_due(self) -> None:
        """At most one clean-up per interval, in the background of the write that finds it due."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_INTERVAL_S
        self._sweeping = asyncio.create_task(self.sweep())
        self._sweeping.add_done_callback(_log_failure)

    def _put(self, file: StoredFile, data: bytes) -> None:
        self._write(self._path("files", file.id), data)
        self._write(self._path("files", f"{file.id}.json"), file.model_dump_json().encode())

    def _get(self, path: str) -> StoredFile | None:
        try:
            file = StoredFile.model_validate_json(self._fs.cat_file(path))
        except FileNotFoundError:
            return None
        return file if time.time() < file.expires_at else None

    def _list(self) -> tuple[StoredFile, ...]:
        paths = [path for path in self._names("files") if path.endswith(".json")]
        files = [file for file in map(self._get, paths) if file]
        return tuple(sorted(files, key=lambda file: (file.created_at, file.id), reverse=True))

    def _sweep(self) -> None:
        # By the time of writing rather than by content: that covers records and half-written files alike,
        # and costs no read.
        before = time.time() - self._lifetime_s
        for path in [*self._names("files"), *self._names("records")]:
            with suppress(FileNotFoundError):  # another replica was faster
                if self._fs.modified(path).timestamp() <= before:
                    self._fs.rm_file(path)

    def _write(self, path: str, data: bytes) -> None:
        """Write a file so that nobody ever sees a part of it."""
        if isinstance(self._fs, LocalFileSystem):
            partial = f"{path}.{secrets.token_hex(8)}.part"
            self._fs.pipe_file(partial, data)
            self._fs.mv(partial, path)
        else:
            self._fs.pipe_file(path, data)  # object stores show an object only once it is complete

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):  # another replica was faster
            self._fs.rm_file(path)

    def _names(self, folder: str) -> Sequence[str]:
        try:
            names: list[str] = self._fs.ls(self._path(folder), detail=False)
        except FileNotFoundError:  # an object store has no empty folders
            return []
        return names

    def _record(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a record key: {key!r}")
        return self._path("records", f"{key}.json")

    def _path(self, *parts: str) -> str:
        return "/".join((self._root, *parts))


def clean_name(name: str, default: str = "file") -> str:
    """A file name fit to show and to save under: no folders, no control or invisible characters, not long."""
    base = re.split(r"[/\\]", name)[-1]
    shown = "".join(char for char in base if unicodedata.category(char)[0] != "C").strip(" .")
    stem, dot, suffix = shown.rpartition(".")
    if dot and len(suffix) <= 10:
        return f"{stem[: _NAME_CHARS - len(suffix) - 1]}.{suffix}"
    return shown[:_NAME_CHARS] or default


def _unknown(id: str) -> UnknownFile:
    return UnknownFile(f"there is no file {id}; it may have been deleted or have outlived its time")


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("cleaning up the store failed", exc_info=error)
