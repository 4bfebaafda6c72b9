"""Sending to servers that mean no good, or nothing: in bounded time and memory, where it may."""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from cloud.webhooks import sending
from cloud.webhooks.addresses import Address, Reach
from cloud.webhooks.sending import Answer, Outcome
from tests.cloud.webhooks.receiver import HOST, Authority, RawServer, Receiver, says

HEADERS = {"webhook-id": "msg_1"}
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"400\r\n" + b"x" * 1024 + b"\r\n"

Serve = Callable[[Callable[[ssl.SSLSocket], None]], RawServer]


@pytest.fixture
def raw(authority: Authority) -> Iterator[Serve]:
    servers: list[RawServer] = []

    def serve(how: Callable[[ssl.SSLSocket], None]) -> RawServer:
        servers.append(RawServer(authority, how))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()


def sent(reach: Reach, url: str, body: bytes = b"{}") -> Answer:
    async def look_up(host: str, port: int) -> Sequence[Address]:
        return reach.resolve(host, port)

    return asyncio.run(sending.send(reach, look_up, url, HEADERS, body))


def test_it_comes_as_it_was_sent(reach: Reach, receiver: Receiver) -> None:
    receiver.answer = says(200, "d\u2019accord\n\0\x1b[2J".encode())
    answer = sent(reach, receiver.url + "?a=b", b'{"x": "\xc3\xa9"}')
    assert (answer.outcome, answer.status, answer.wait_s) == (Outcome.TAKEN, 200, 0)
    assert answer.said == "d\u2019accord   [2J"
    (got,) = receiver.got
    assert (got.path, got.body) == ("/hook?a=b", b'{"x": "\xc3\xa9"}')
    assert got.headers["host"] == f"localhost:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "msg_1"
    assert "cookie" not in got.headers


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "wait_s"),
    [
        (204, {}, Outcome.TAKEN, 0),
        (301, {"location": "https://169.254.169.254/"}, Outcome.REDIRECTED, 0),
        (307, {"location": "/elsewhere"}, Outcome.REDIRECTED, 0),
        (404, {}, Outcome.REFUSED, 0),
        (410, {}, Outcome.GONE, 0),
        (429, {"retry-after": "7200"}, Outcome.REFUSED, 7200),
        (503, {"retry-after": "99999999"}, Outcome.REFUSED, 86_400),
        (503, {"retry-after": "-1"}, Outcome.REFUSED, 0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, Outcome.REFUSED, 0),
    ],
)
def test_what_an_answer_means(
    reach: Reach,
    receiver: Receiver,
    status: int,
    headers: dict[str, str],
    outcome: Outcome,
    wait_s: int,
) -> None:
    receiver.answer = says(status, headers=headers)
    answer = sent(reach, receiver.url)
    assert (answer.outcome, answer.status, answer.wait_s) == (outcome, status, wait_s)
    assert len(receiver.got) == 1


class Names:
    """Answers each question about a name with the next of some addresses, and counts them."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = [ipaddress.ip_address(each) for each in addresses]
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append((host, port))
        return [self.addresses.pop(0)]


def test_a_name_that_leads_inside_is_not_connected_to(reach: Reach, receiver: Receiver) -> None:
    url = f"https://{HOST}:{receiver.port}/"
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"):
        strict = replace(reach, networks=(), resolve=Names(address))
        assert sent(strict, url) == Answer(Outcome.FORBIDDEN)
    assert receiver.got == []


def test_a_name_is_asked_for_once_and_what_was_looked_at_is_connected_to(
    reach: Reach, receiver: Receiver
) -> None:
    # It leads elsewhere at the second question, which nobody asks.
    names = Names("127.0.0.1", "169.254.169.254")
    assert sent(replace(reach, resolve=names), f"https://{HOST}:{receiver.port}/").status == 204
    assert names.asked == [(HOST, receiver.port)]
    assert receiver.got[0].headers["host"] == f"{HOST}:{receiver.port}"


def test_of_several_addresses_those_that_may_be_are_tried(reach: Reach, receiver: Receiver) -> None:
    both = [ipaddress.ip_address(each) for each in ("10.0.0.1", "127.0.0.9", "127.0.0.1")]
    tried = replace(reach, resolve=lambda _host, _port: both)
    # Nobody listens on 127.0.0.9.
    assert sent(tried, f"https://{HOST}:{receiver.port}/").outcome is Outcome.TAKEN


def test_the_certificate_has_to_be_of_the_name_and_of_an_authority(
    reach: Reach, receiver: Receiver
) -> None:
    here = [ipaddress.ip_address("127.0.0.1")]
    strange = replace(reach, resolve=lambda _host, _port: here)
    other = f"https://other.example.test:{receiver.port}/"
    assert sent(strange, other) == Answer(Outcome.UNTRUSTED)
    untrusting = replace(reach, context=ssl.create_default_context())
    assert sent(untrusting, receiver.url) == Answer(Outcome.UNTRUSTED)
    assert receiver.got == []


def test_without_tls_it_goes_to_loopback_alone(reach: Reach) -> None:
    receiver = Receiver(None)
    try:
        assert sent(reach, receiver.url).outcome is Outcome.TAKEN
        careful = replace(reach, plain_on_loopback=False)
        assert sent(careful, receiver.url).outcome is Outcome.FORBIDDEN
        # TLS where there is none.
        assert sent(reach, receiver.url.replace("http:", "https:")) == Answer(Outcome.UNTRUSTED)
    finally:
        receiver.stop()
    assert len(receiver.got) == 1


def test_no_proxy_of_the_environment_is_asked(
    reach: Reach, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert sent(reach, receiver.url).outcome is Outcome.TAKEN


def test_a_name_is_looked_up_as_its_certificate_spells_it(reach: Reach) -> None:
    names = Names("10.0.0.1")
    assert sent(replace(reach, resolve=names), "https://straße.be/") == Answer(Outcome.FORBIDDEN)
    assert names.asked == [("xn--strae-oqa.be", 443)]


@pytest.mark.parametrize("failure", [OSError("no"), UnicodeError("no")])
def test_a_name_that_means_nothing(reach: Reach, failure: Exception) -> None:
    def resolve(_host: str, _port: int) -> Sequence[Address]:
        raise failure

    nowhere = replace(reach, resolve=resolve)
    assert sent(nowhere, "https://example.test/") == Answer(Outcome.NO_SUCH_NAME)


def test_a_server_that_is_away(reach: Reach, raw: Serve) -> None:
    server = raw(lambda tls: tls.close())
    assert sent(reach, server.url).outcome in (Outcome.UNREACHABLE, Outcome.MALFORMED)
    server.stop()
    assert sent(reach, server.url) == Answer(Outcome.UNREACHABLE)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds are half of one."""
    monkeypatch.setattr(sending, "LIMIT_S", 0.5)


@pytest.mark.usefixtures("hurried")
def test_a_server_that_says_nothing(reach: Reach, raw: Serve) -> None:
    def wait(_tls: ssl.SSLSocket) -> None:
        servers[0].stopped.wait(30)

    servers = [raw(wait)]
    assert sent(reach, servers[0].url) == Answer(Outcome.TIMEOUT)


@pytest.mark.usefixtures("hurried")
def test_headers_that_drip_are_not_waited_for(reach: Reach, raw: Serve) -> None:
    def drip(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"HTTP/1.1 200 OK\r\n")
        while not servers[0].stopped.wait(0.05):
            tls.sendall(b"X: y\r\n")

    servers = [raw(drip)]
    assert sent(reach, servers[0].url) == Answer(Outcome.TIMEOUT)


def test_a_body_that_drips_is_kept_as_far_as_it_came(
    reach: Reach, raw: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SAID_S", 0.2)

    def drip(tls: ssl.SSLSocket) -> None:
        tls.sendall(HEAD + b"1\r\nx\r\n")
        while not servers[0].stopped.wait(0.05):
            tls.sendall(b"1\r\nx\r\n")

    servers = [raw(drip)]
    answer = sent(reach, servers[0].url)
    assert (answer.outcome, answer.status) == (Outcome.TAKEN, 200)
    assert set(answer.said) == {"x"}


def test_of_a_body_without_an_end_little_is_read(
    reach: Reach, raw: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long it may take, what was read is enough.
    monkeypatch.setattr(sending, "SAID_S", 1e6)

    def pour(tls: ssl.SSLSocket) -> None:
        tls.sendall(HEAD)
        while not servers[0].stopped.is_set():
            tls.sendall(CHUNK)

    servers = [raw(pour)]
    answer = sent(reach, servers[0].url)
    assert answer.outcome is Outcome.TAKEN
    assert answer.said == "x" * sending.KEPT


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(40_000)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000 + b"\r\n\r\n",
        b"220 mail.example.test ESMTP\r\n\r\n",
        b"\0" * 4096,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n",
    ],
    ids=["many headers", "a long header", "mail", "nothing", "lengths"],
)
def test_what_is_no_answer(reach: Reach, raw: Serve, answer: bytes) -> None:
    server = raw(lambda tls: tls.sendall(answer))
    assert sent(reach, server.url) == Answer(Outcome.MALFORMED)


def test_a_compressed_answer_is_not_unpacked(reach: Reach, receiver: Receiver) -> None:
    receiver.answer = says(200, b"\x1f\x8b" + b"\xff" * 50, {"content-encoding": "gzip"})
    assert sent(reach, receiver.url).outcome is Outcome.TAKEN
    assert receiver.got[0].headers["accept-encoding"] == "identity"
