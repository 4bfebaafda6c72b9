"""What every answer says to a browser, and whom this server takes itself for.

Pure ASGI: nothing is buffered, and nothing is left out when a route fails.
"""

import json
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.languages.current import gettext as _

POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " object-src 'none'"
)
MAX_BODY = 64 * 1024
PATIENCE = 4 * 1024**3
"""Bytes of what is too long that are read and dropped before a browser is told so."""
UPLOADS = frozenset({"/workers/import", "/terminals/new"})
"""Paths of forms with a file, which count for themselves what they are sent."""
Refusal = Callable[[Scope, int, str], ASGIApp]
"""The answer to a page's request: a status, and a sentence in the visitor's language."""
_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class SecurityHeaders:
    """Adds the headers above; answers that say nothing about caches are not to be stored."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class KnownHosts:
    """Refuses requests that were meant for another name.

    A page of somebody else whose name is made to resolve to this address would otherwise read
    everything here (DNS rebinding): its requests name that host.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if (
            scope["type"] != "http"
            or _hostname(Headers(scope=scope).get("host", "")) in self._hosts
        ):
            await self._app(scope, receive, send)
            return
        await _refuse(
            scope,
            send,
            421,
            "Misdirected Request",
            "This server is not known by that name; use the address it was started with.",
        )


class ApiAddress:
    """Keeps API and console apart where the API has a name of its own.

    Whatever a browser holds for the console, no program of the API's address can be made to use,
    and a proxy may treat the two otherwise. Each answers 421 (RFC 9110 section 15.5.20) to what
    was meant for the other.
    """

    def __init__(self, app: ASGIApp, url: str) -> None:
        """`url` is where the API is, as https://api.pointeuse.example.be."""
        self._app = app
        self._url, self._host = url, urlsplit(url).hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        at_api = _hostname(Headers(scope=scope).get("host", "")) == self._host
        if at_api == scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        detail = (
            f"This is the address of the API, which describes itself at {self._url}/v1/openapi.json"
            if at_api
            else f"The API is at {self._url}/v1/"
        )
        await _refuse(scope, send, 421, "Misdirected Request", detail)


class SameOrigin:
    """Refuses writes that a page of somebody else made a browser send (cross-site request forgery).

    A browser says where a request comes from: `Sec-Fetch-Site` (Fetch Metadata), or else `Origin`
    (RFC 6454), which has to be the host it asks. The API takes no cookies, and needs none of this.
    """

    def __init__(self, app: ASGIApp, refusal: Refusal) -> None:
        self._app, self._refusal = app, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if (
            scope["type"] != "http"
            or scope["method"] in ("GET", "HEAD", "OPTIONS")
            or scope["path"].startswith("/v1/")
            or _from_our_page(Headers(scope=scope))
        ):
            await self._app(scope, receive, send)
            return
        said = _("This was sent from another site; open the page here, and send it again.")
        await self._refusal(scope, 403, said)(scope, receive, send)


class BodyLimit:
    """Refuses a body larger than any form here.

    A program is told before anything is read. What a page sends is read to its end and dropped:
    answered before, a browser would be cut off in the midst, and show a broken connection.
    """

    def __init__(self, app: ASGIApp, refusal: Refusal) -> None:
        self._app, self._refusal = app, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in UPLOADS:
            await self._app(scope, receive, send)
            return
        said = _("More than %(size)d KiB was sent; no form here needs so much.") % {
            "size": MAX_BODY // 1024
        }
        program = scope["path"].startswith("/v1/")
        left = MAX_BODY

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                if not program and message.get("more_body", False):
                    await _read_out(receive)
                raise HTTPException(413, said)
            return message

        if _length(Headers(scope=scope)) <= MAX_BODY:
            await self._app(scope, counted, send)
        elif program:
            await _refuse(scope, send, 413, "Content Too Large", said)
        else:
            await _read_out(receive)
            await self._refusal(scope, 413, said)(scope, receive, send)


async def _read_out(receive: Receive) -> None:
    """Read what a browser sends to its end, and keep nothing of it."""
    left, more = PATIENCE, True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


async def _refuse(scope: Scope, send: Send, status: int, title: str, detail: str) -> None:
    """Answer with a problem (RFC 9457), asking nobody behind."""
    problem = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": scope["path"],
    }
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})


def _from_our_page(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin", "")
    return urlsplit(origin).netloc != "" and urlsplit(origin).netloc == headers.get("host")


def _length(headers: Headers) -> int:
    told = headers.get("content-length", "0")
    return int(told) if told.isascii() and told.isdigit() else MAX_BODY + 1


def _hostname(host: str) -> str:
    """The name in a Host header (RFC 9112 section 3.2), without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
