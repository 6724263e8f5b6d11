import asyncio
import gzip
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controller.errors import FetchError, TooLarge
from controller.fetcher import MAX_REDIRECTS, Fetcher, is_public
from controller.settings import Limits

LIMITS = Limits(file_bytes=50_000)
SERVER, OTHER = "127.0.0.1", "127.0.0.2"


def reply(body=b"", status="200 OK", **headers) -> bytes:
    headers = {"content-length": len(body)} | {k.replace("_", "-"): v for k, v in headers.items()}
    lines = [
        f"HTTP/1.1 {status}",
        *(f"{name}: {value}" for name, value in headers.items() if value is not None),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Server:
    """Sends, byte for byte, what `replies` holds for a path; keeps the requests it got."""

    def __init__(self, replies):
        self.replies = replies
        self.requests = []

    async def __call__(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            answer = self.replies[head.split()[1]]
            if callable(answer):
                await answer(writer)
            else:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self, host=SERVER, tls=None):
        server = await asyncio.start_server(self, host, 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        try:
            yield self
        finally:
            server.close()


@asynccontextmanager
async def fetching(limits=LIMITS, allow=lambda address: str(address) == SERVER, **options):
    """A fetcher to whom 127.0.0.1, and nothing else, is a public address."""
    fetcher = Fetcher(limits, allow, **options)
    try:
        yield fetcher.fetch
    finally:
        await fetcher.aclose()


@pytest.fixture
def names(monkeypatch):
    """Host name → the lists of addresses that successive look-ups find."""
    known: dict[str, list[list[str]]] = {}

    async def getaddrinfo(self, host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port)) for found in known[host].pop(0)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_of_the_internet_are_public(address):
    """Also where IPv6 carries one of IPv4."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fc00::1", "fec0::1"),
        *("ff02::1", "2001:db8::1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001::7f00:1"),
    ],
)
def test_addresses_that_are_not_of_the_internet_are_not_public(address):
    """Loopback, private, link-local, shared, documentation, multicast, and IPv6 forms that embed them."""
    assert not is_public(ip_address(address))


async def test_a_url_is_fetched():
    """The body arrives as it was sent; nothing about the user travels along."""
    body = bytes(range(256)) * 100
    async with Server({"/a/b.png?c=d": reply(body)}).running() as server, fetching() as fetch:
        assert await fetch(f"{server.url}/a/b.png?c=d#part") == body
        assert "cookie" not in server.requests[0].lower()
        assert "authorization" not in server.requests[0].lower()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
    ],
)
async def test_this_machine_is_not_fetched_from_however_it_is_written(host):
    """Names, short, decimal, octal, hexadecimal and IPv6 forms all end at the connection's own check."""
    async with Server({"/": reply(b"secret")}).running() as server, fetching(allow=is_public) as fetch:
        with pytest.raises(FetchError, match=r"no public address|not valid"):
            await fetch(f"http://{host}:{server.port}/")
        assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "ftp://example.org/a",
            "gopher://example.org",
            "data:text/plain,hi",
            "/etc/passwd",
        ),
        *(
            "",
            "http://",
            "http:///a",
            "example.org/a.png",
            "http://[::1",
            "http://a b/",
            "http://exa\0mple.org/",
        ),
    ],
)
async def test_what_is_not_an_http_url_is_refused(url):
    """Other schemes, no scheme, no host, not a URL at all."""
    async with fetching(allow=lambda address: pytest.fail("connected")) as fetch:
        with pytest.raises(FetchError):
            await fetch(url)


async def test_a_url_with_credentials_is_refused():
    """A password in a URL would end up in plans and logs."""
    async with Server({"/": reply(b"x")}).running() as server, fetching() as fetch:
        with pytest.raises(FetchError, match="password"):
            await fetch(f"http://user:secret@{SERVER}:{server.port}/")
        assert server.requests == []


async def test_a_backslash_does_not_hide_the_host():
    """Parsers disagree on `\\@`; here the one that is connected to is the one that was checked."""
    async with Server({"/": reply(b"secret")}).running() as server, fetching(allow=is_public) as fetch:
        with pytest.raises(FetchError):
            await fetch(f"http://{SERVER}:{server.port}\\@1.1.1.1/")
        assert server.requests == []


async def test_redirects_are_followed():
    """Absolute and relative ones."""
    replies = {
        "/a": reply(status="302 Found", location="/b"),
        "/b": reply(b"moved", status="301 Moved", location="c"),
        "/c": reply(b"here"),
    }
    async with Server(replies).running() as server, fetching() as fetch:
        assert await fetch(f"{server.url}/a") == b"here"


@pytest.mark.parametrize("location", [f"http://{OTHER}:PORT/", f"//{OTHER}:PORT/", "http://0x7f000002:PORT/"])
async def test_every_redirect_is_checked_like_the_first_address(location):
    """A server at an allowed address cannot send the fetcher to another one."""
    async with Server({"/": reply(b"secret")}).running(OTHER) as inner, fetching() as fetch:
        location = location.replace("PORT", str(inner.port))
        async with Server({"/": reply(status="302 Found", location=location)}).running() as server:
            with pytest.raises(FetchError, match="no public address"):
                await fetch(f"{server.url}/")
        assert inner.requests == []


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://u:p@127.0.0.1/", "http://["]
)
async def test_a_redirect_to_what_would_not_be_fetched_is_refused(location):
    """Scheme and credentials are looked at on every hop."""
    async with (
        Server({"/": reply(status="302 Found", location=location)}).running() as server,
        fetching() as fetch,
    ):
        with pytest.raises(FetchError):
            await fetch(f"{server.url}/")
        assert len(server.requests) == 1


async def test_redirects_come_to_an_end():
    """A loop is left after the allowed number of hops."""
    async with (
        Server({"/": reply(status="302 Found", location="/")}).running() as server,
        fetching() as fetch,
    ):
        with pytest.raises(FetchError, match=f"more than {MAX_REDIRECTS} times"):
            await fetch(f"{server.url}/")
        assert len(server.requests) == 1 + MAX_REDIRECTS


async def test_a_name_is_resolved_once_and_that_address_is_connected_to(names):
    """A second look-up, which a rebinding name would answer differently, never happens."""
    names["cats.test"] = [[SERVER], [OTHER]]
    async with Server({"/": reply(b"cat")}).running() as server, fetching() as fetch:
        assert await fetch(f"http://cats.test:{server.port}/") == b"cat"
        assert f"host: cats.test:{server.port}" in server.requests[0].lower()
    assert names["cats.test"] == [[OTHER]]


async def test_a_name_with_one_private_address_among_others_is_refused(names):
    """Such an answer is an attempt to get one of them through."""
    names["mixed.test"] = [[SERVER, OTHER]]
    async with Server({"/": reply(b"x")}).running() as server, fetching() as fetch:
        with pytest.raises(FetchError, match=r"mixed\.test has no public address"):
            await fetch(f"http://mixed.test:{server.port}/")
        assert server.requests == []


async def test_an_unknown_name_gives_the_same_answer_as_a_private_one():
    """So nobody can map a private network's names by asking."""
    async with fetching() as fetch:
        with pytest.raises(FetchError, match=r"no-such-host\.invalid has no public address"):
            await fetch("http://no-such-host.invalid/")


async def test_the_next_address_is_tried_where_one_does_not_answer(names):
    """Two allowed addresses, nobody listening at the first."""
    names["pair.test"] = [[OTHER, SERVER]]
    async with Server({"/": reply(b"x")}).running() as server, fetching(allow=lambda address: True) as fetch:
        assert await fetch(f"http://pair.test:{server.port}/") == b"x"


async def endless(writer):
    writer.write(reply(content_length=None, transfer_encoding="chunked"))
    while True:
        writer.write(b"1000\r\n" + bytes(4096) + b"\r\n")
        await writer.drain()


async def endless_empty_gzip(writer):
    writer.write(reply(content_length=None, content_encoding="gzip"))
    writer.write(gzip.compress(b"")[:10])
    while True:
        writer.write(b"\0\0\0\xff\xff" * 1000)  # empty deflate blocks: input without output
        await writer.drain()


@pytest.mark.parametrize(
    "answer",
    [
        reply(bytes(50_001)),
        reply(b"short", content_length=10**12),
        reply(bytes(50_001), content_length=None),
        reply(gzip.compress(bytes(50_000_000)), content_encoding="gzip"),
        reply(gzip.compress(gzip.compress(bytes(50_000_000))), content_encoding="gzip, gzip"),
        endless,
        endless_empty_gzip,
    ],
    ids=["large", "announced", "unannounced", "gzip-bomb", "gzip-bomb-twice", "endless", "endless-nothing"],
)
async def test_a_body_that_is_too_large_is_given_up_on(answer):
    """Whether it is announced, sent without saying so, or compressed."""
    async with Server({"/": answer}).running() as server, fetching() as fetch:
        with pytest.raises(TooLarge, match="50,000 bytes"):
            await fetch(f"{server.url}/")


async def test_a_redirect_with_an_endless_body_is_followed_without_reading_it():
    """Only the last answer's body is of interest."""

    async def redirect(writer):
        writer.write(
            reply(status="302 Found", location="/b", content_length=None, transfer_encoding="chunked")
        )
        while True:
            writer.write(b"1000\r\n" + bytes(4096) + b"\r\n")
            await writer.drain()

    async with Server({"/a": redirect, "/b": reply(b"here")}).running() as server, fetching() as fetch:
        assert await fetch(f"{server.url}/a") == b"here"


async def silent(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await asyncio.Event().wait()


async def stalled(writer):
    writer.write(reply(b"a beginning", content_length=1000))
    await asyncio.Event().wait()


@pytest.mark.parametrize("answer", [silent, stalled])
async def test_a_server_that_stalls_is_given_up_on(answer):
    """The time limit holds for the whole fetch."""
    limits = Limits(fetch_timeout_s=0.2)
    async with Server({"/": answer}).running() as server, fetching(limits) as fetch:
        with pytest.raises(FetchError, match=r"longer than 0\.2 seconds"):
            await fetch(f"{server.url}/")


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"short", content_length=1000),
        reply(b"not gzip", content_encoding="gzip"),
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"",
    ],
    ids=["cut-off", "bad-gzip", "no-http", "negative-length", "two-lengths", "hangs-up"],
)
async def test_a_broken_answer_is_an_error_of_ours(answer):
    """No exception of the HTTP library gets out."""
    async with Server({"/": answer}).running() as server, fetching() as fetch:
        with pytest.raises(FetchError, match="did not answer properly"):
            await fetch(f"{server.url}/")


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial Content", "304 Not Modified", "404 Not Found", "500 Oops"]
)
async def test_any_status_but_200_is_an_error(status):
    """The user is told which it was."""
    async with Server({"/": reply(status=status)}).running() as server, fetching() as fetch:
        with pytest.raises(FetchError, match=status[:3]):
            await fetch(f"{server.url}/")


async def test_nobody_listening_is_an_error_of_ours():
    """A refused connection."""
    async with Server({}).running() as server:
        pass
    async with fetching() as fetch:
        with pytest.raises(FetchError, match="could not be reached"):
            await fetch(f"{server.url}/")


async def test_cookies_of_one_fetch_do_not_reach_the_next():
    """The fetcher serves every user."""
    replies = {"/a": reply(b"a", set_cookie="who=alice; Path=/"), "/b": reply(b"b")}
    async with Server(replies).running() as server, fetching() as fetch:
        await fetch(f"{server.url}/a")
        await fetch(f"{server.url}/b")
        assert "alice" not in server.requests[1]


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    """A proxy would connect wherever it is told to."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with Server({"/": reply(b"x")}).running() as server, fetching() as fetch:
        assert await fetch(f"{server.url}/") == b"x"


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate of cats.test, with its key, as a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cats.test")])
    now = datetime.now()
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cats.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "cats.pem"
    file.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return file


async def test_https_verifies_the_name_though_it_connects_to_the_address(certificate, names):
    """The right name passes; a wrong one, or an authority nobody trusts, does not."""
    names |= {"cats.test": [[SERVER], [SERVER]], "dogs.test": [[SERVER]]}
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    async with Server({"/": reply(b"cat")}).running(tls=tls) as server:
        async with fetching(ssl_context=trusting) as fetch:
            assert await fetch(f"https://cats.test:{server.port}/") == b"cat"
            with pytest.raises(FetchError):
                await fetch(f"https://dogs.test:{server.port}/")
        async with fetching() as fetch:
            with pytest.raises(FetchError):
                await fetch(f"https://cats.test:{server.port}/")
        assert len(server.requests) == 1
