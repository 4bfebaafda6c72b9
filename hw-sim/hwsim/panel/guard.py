"""Who may speak to the panel's server: its own page, and nobody else's.

Any page in the same browser can send a request here. It is told by the name it asks for (DNS
rebinding), by what the browser says of where it comes from (Fetch Metadata), and, where it would
change something, by its origin.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application around another, known by `hosts` (name and port) only."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in hosts)

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
            await send(message)

        app = self._refusal(scope) or self._app
        await app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            return _refused(421, "This server is not known by that name; use the address printed.")
        if scope["method"] in ("GET", "HEAD"):
            site = headers.get("sec-fetch-site", "none")
            # Anybody may link to the page, and nobody else draw on what it follows.
            if site in ("none", "same-origin") or scope["path"] == "/":
                return None
            return _refused(403, "Only the panel's own page may ask for that.")
        if headers.get("origin") not in self._origins:
            return _refused(403, "Only the panel's own page may do that.")
        if headers.get("content-type") != "application/json":
            return _refused(415, "Send application/json.")
        return None


def _refused(status: int, why: str) -> ASGIApp:
    return JSONResponse({"detail": why}, status)
