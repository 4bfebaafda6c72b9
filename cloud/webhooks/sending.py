"""Sending one message: to an address that was looked at, in bounded time, reading little.

The name is resolved once for a try, and what is connected to is the address that it gave, if that
may be; TLS still asks for, and verifies, the name. No redirect is followed, no proxy of the
environment used, and no connection used twice: one that was made to an address for a name is not
good for another name there.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import httpx

from cloud.languages.current import mark
from cloud.webhooks.addresses import Address, Reach

LIMIT_S = 10.0
"""From the name to the head of the answer."""
SAID_S = 2.0
"""For the beginning of its body, which nothing depends on."""
KEPT = 500
"""Characters of an answer that are kept."""
_READ = 4096
"""Octets of an answer that are read at most."""
_ADDRESSES = 4
_LONGEST_WAIT_S = 86_400

LookUp = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Finds the addresses of a name, for a port. Raises OSError, UnicodeError."""


class Outcome(StrEnum):
    """What became of a try."""

    TAKEN = "taken"
    REFUSED = "refused"
    GONE = "gone"
    REDIRECTED = "redirected"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    NO_SUCH_NAME = "no-such-name"
    FORBIDDEN = "forbidden"
    MALFORMED = "malformed"
    SEALED = "sealed"


MEANINGS = {
    Outcome.TAKEN: mark("taken"),
    Outcome.REFUSED: mark("the server did not answer with 2xx"),
    Outcome.GONE: mark("the server says that it is gone for good (410)"),
    Outcome.REDIRECTED: mark("the server leads elsewhere; enter that address instead"),
    Outcome.TIMEOUT: mark("no answer within ten seconds"),
    Outcome.UNREACHABLE: mark("the server cannot be connected to, or broke off"),
    Outcome.UNTRUSTED: mark("its certificate is not of this name, or of no authority known here"),
    Outcome.NO_SUCH_NAME: mark("the name in the address means nothing"),
    Outcome.FORBIDDEN: mark("the name leads inside a network, where nothing is sent"),
    Outcome.MALFORMED: mark("what it answered is no HTTP"),
    Outcome.SEALED: mark("the secret cannot be read here; replace it"),
}
"""What screens say of each."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a try; `status` is that of HTTP, if one came."""

    outcome: Outcome
    status: int | None = None
    said: str = ""
    """The beginning of what was answered."""
    wait_s: int = 0
    """How long the server asks us to wait (`Retry-After`), at most a day."""


async def send(
    reach: Reach, look_up: LookUp, url: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Send a message once; whatever goes wrong is the answer."""
    deadline = asyncio.get_running_loop().time() + LIMIT_S
    target = httpx.URL(url)
    # As DNS spells it: Python would take a name in other letters by the rules of 2003, of which
    # some names lead elsewhere, and the certificate is asked for by those of 2008.
    name = target.raw_host.decode("ascii")
    try:
        async with asyncio.timeout_at(deadline):
            found = await look_up(name, target.port or 443)
    except TimeoutError:
        return Answer(Outcome.TIMEOUT)
    except (OSError, UnicodeError, ValueError):
        return Answer(Outcome.NO_SUCH_NAME)
    plain = target.scheme == "http"
    allowed = [each for each in found if reach.permits(each, plain=plain)]
    if not allowed:
        return Answer(Outcome.FORBIDDEN)
    answer = Answer(Outcome.UNREACHABLE)
    for address in allowed[:_ADDRESSES]:
        answer = await _sent(reach, address, target, headers, body, deadline)
        if answer.outcome is not Outcome.UNREACHABLE:
            break
    return answer


async def _sent(
    reach: Reach,
    address: Address,
    target: httpx.URL,
    headers: Mapping[str, str],
    body: bytes,
    deadline: float,
) -> Answer:
    async with httpx.AsyncClient(
        verify=reach.context,
        trust_env=False,
        follow_redirects=False,
        timeout=LIMIT_S,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
    ) as client:
        request = client.build_request(
            "POST",
            target.copy_with(host=str(address)),
            headers={
                **headers,
                "host": target.netloc.decode("ascii"),
                "content-type": "application/json",
                "user-agent": "Pointeuse",
                "accept-encoding": "identity",
                "connection": "close",
            },
            content=body,
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        try:
            async with asyncio.timeout_at(deadline):
                response = await client.send(request, stream=True)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(Outcome.TIMEOUT)
        except httpx.ProtocolError:
            return Answer(Outcome.MALFORMED)
        except (httpx.TransportError, OSError) as error:
            tls = any(isinstance(each, ssl.SSLError) for each in _causes(error))
            return Answer(Outcome.UNTRUSTED if tls else Outcome.UNREACHABLE)
        said = await _beginning(response)
        return Answer(
            _meant(response.status_code), response.status_code, said, _asked_to_wait(response)
        )


async def _beginning(response: httpx.Response) -> str:
    """The first of what was answered, as far as it comes in time; the rest is not waited for."""
    found = b""
    with suppress(TimeoutError, httpx.HTTPError, OSError):
        async with asyncio.timeout(SAID_S):
            async for part in response.aiter_raw():
                found += part
                if len(found) >= _READ:
                    break
    with suppress(TimeoutError, httpx.HTTPError, OSError):
        async with asyncio.timeout(1):
            await response.aclose()
    text = found[:_READ].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text)[:KEPT].strip()


def _meant(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.TAKEN
    if 300 <= status < 400:
        return Outcome.REDIRECTED
    return Outcome.GONE if status == 410 else Outcome.REFUSED


def _asked_to_wait(response: httpx.Response) -> int:
    told = response.headers.get("retry-after", "")
    seconds = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else 0
    return min(seconds, _LONGEST_WAIT_S)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
