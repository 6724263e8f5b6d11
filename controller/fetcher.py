"""The one fetcher: gets http(s) URLs, and connects to public addresses only."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore2
import httpx2

from controller.errors import FetchError
from controller.guard import check_bytes
from controller.settings import Limits

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_REDIRECTS = 5

_UNICAST = ipaddress.IPv6Network("2000::/3")
_6TO4 = ipaddress.IPv6Network("2002::/16")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet; one that embeds an IPv4 address counts as that."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(address.packed[-4:]))
        return address in _UNICAST and address not in _6TO4 and address.is_global
    return address.is_global and not address.is_multicast


class Fetcher:
    """Fetches files for the media door.

    `allow` decides which addresses may be connected to; `ssl_context` whom HTTPS trusts, the system's
    authorities by default.
    """

    def __init__(
        self,
        limits: Limits,
        allow: Callable[[Address], bool] = is_public,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits
        self._client = httpx2.AsyncClient(
            transport=_Transport(limits, allow, ssl_context),
            headers={"user-agent": "hugginggpt", "accept-encoding": "identity"},
            # The client is shared by all users: nothing one site sets may reach another request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            timeout=None,
        )

    async def fetch(self, url: str) -> bytes:
        """The body at `url`, after at most MAX_REDIRECTS redirects.

        Raises TooLarge as soon as the body is known to be, FetchError for everything else.
        """
        timeout_s = self._limits.fetch_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await self._follow(_checked(url))
        except TimeoutError as error:
            raise FetchError(f"fetching the URL took longer than {timeout_s:g} seconds") from error
        except httpx2.InvalidURL as error:
            raise FetchError("the URL is not valid") from error
        except (httpx2.HTTPError, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise FetchError("the URL's server could not be reached or did not answer properly") from error

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _follow(self, url: httpx2.URL) -> bytes:
        for _ in range(1 + MAX_REDIRECTS):
            async with self._client.stream("GET", url) as response:
                if response.next_request is None:
                    return await self._body(response)
                url = _checked(str(response.next_request.url))
        raise FetchError(f"the URL redirects more than {MAX_REDIRECTS} times")

    async def _body(self, response: httpx2.Response) -> bytes:
        if response.status_code != 200:
            raise FetchError(f"the URL's server answered with status {response.status_code}")
        check_bytes(int(response.headers.get("content-length", 0)), self._limits)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            check_bytes(len(body), self._limits)
        return bytes(body)


def _checked(url: str) -> httpx2.URL:
    parsed = httpx2.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise FetchError("only http and https URLs are fetched")
    if parsed.userinfo:
        raise FetchError("a URL with a user name or password in it is not fetched")
    return parsed


class _PublicBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections. A name is resolved once, and what was checked is what is connected to."""

    def __init__(self, allow: Callable[[Address], bool]) -> None:
        self._allow = allow
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore2's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._resolve(host, port):
            try:
                return await self._tcp.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as error:
                failure = error
        # One answer for "unknown" and "not public", so that no one can map a private network's names.
        raise failure or FetchError(f"{host} has no public address to fetch from")

    async def _resolve(self, host: str, port: int) -> list[str]:
        """The host's addresses; none where it is unknown or any of them is not allowed."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        addresses = [str(sockaddr[0]) for *_, sockaddr in found]
        return addresses if all(self._allow(ipaddress.ip_address(one)) for one in addresses) else []


class _Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 over connections of `_PublicBackend`, none of which is kept."""

    def __init__(
        self, limits: Limits, allow: Callable[[Address], bool], ssl_context: ssl.SSLContext | None
    ) -> None:
        self._limits = limits
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_PublicBackend(allow),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
            )
        )
        return httpx2.Response(
            response.status, headers=response.headers, stream=_Body(response, self._limits)
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    """A body as it comes over the wire. It is bounded here too: compressed nothing can go on for ever."""

    def __init__(self, response: httpcore2.Response, limits: Limits) -> None:
        self._response = response
        self._limits = limits

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for chunk in self._response.aiter_stream():
            received += len(chunk)
            check_bytes(received, self._limits)
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
