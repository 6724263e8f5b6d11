"""The one door for media: whatever comes in is checked here, then kept in the store."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import unquote_to_bytes

import httpx2

from controller.errors import RequestError, TooLarge
from controller.fetcher import Fetcher
from controller.guard import Inspected, check_bytes, inspect
from controller.settings import Limits
from controller.store import Store, StoredFile, clean_name

_SUFFIXES = {"image/jpeg": "jpg", "audio/mpeg": "mp3", "text/plain": "txt"}


class Budget:
    """What one request may still attach: files and bytes, over all of them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files = 0
        self._bytes = 0

    def add_file(self) -> None:
        """Raises TooLarge where the request has too many files."""
        self._files += 1
        if self._files > self._limits.request_files:
            raise TooLarge(f"a request takes at most {self._limits.request_files} files")

    def add_bytes(self, count: int) -> None:
        """Raises TooLarge where the request's files are too large together."""
        self._bytes += count
        if self._bytes > self._limits.request_bytes:
            raise TooLarge(f"a request's files may have {self._limits.request_bytes:,} bytes together")


class Intake:
    """Takes files in. Every method returns the stored file, or raises UnsupportedMedia or TooLarge."""

    def __init__(self, store: Store, fetcher: Fetcher, limits: Limits) -> None:
        self._store = store
        self._fetcher = fetcher
        self._limits = limits

    async def upload(self, data: bytes, name: str | None = None) -> StoredFile:
        """A file sent as it is."""
        found = await asyncio.to_thread(inspect, data, self._limits)
        return await self._store.put(data, _named(name, found), found.kind, found.media_type)

    async def inline(self, payload: str, budget: Budget, name: str | None = None) -> StoredFile:
        """A file in the request itself: a data URL, or bare base64.

        Raises RequestError where it is neither.
        """
        budget.add_file()
        data = await asyncio.to_thread(_decoded, payload, self._limits)
        budget.add_bytes(len(data))
        return await self.upload(data, name)

    async def url(self, url: str, budget: Budget, name: str | None = None) -> StoredFile:
        """A file behind an http(s) URL or in a data URL. Raises FetchError as well."""
        if url.startswith("data:"):
            return await self.inline(url, budget, name)
        budget.add_file()
        data = await self._fetcher.fetch(url)
        budget.add_bytes(len(data))
        return await self.upload(data, name or httpx2.URL(url).path)

    async def stored(self, id: str, budget: Budget) -> StoredFile:
        """A file that was taken in before, now attached to a request. Raises UnknownFile."""
        budget.add_file()
        file = await self._store.get(id)
        budget.add_bytes(file.bytes)
        return file


def _decoded(payload: str, limits: Limits) -> bytes:
    """The bytes of a data URL or of bare base64. The least they can be is checked before they are decoded."""
    head, comma, body = payload.partition(",") if payload.startswith("data:") else (";base64", ",", payload)
    if not comma:
        raise RequestError("a data URL has a comma before its data: data:image/png;base64,…")
    if not head.endswith(";base64"):
        check_bytes(len(body) // 3, limits)  # an escape such as %41 is one byte
        return unquote_to_bytes(body)
    body = "".join(body.split())
    check_bytes(len(body) * 3 // 4 - 2, limits)  # up to two bytes of it are padding
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise RequestError("the file's data is not valid base64") from error


def default_name(media_type: str) -> str:
    """A name that says what a file is: image.png, audio.wav, text.txt."""
    kind, _, suffix = media_type.partition("/")
    return f"{kind}.{_SUFFIXES.get(media_type, suffix)}"


def _named(name: str | None, found: Inspected) -> str:
    """The name it came with, else one that says what it is."""
    return clean_name(name or "", default=default_name(found.media_type))
