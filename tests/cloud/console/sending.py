"""Sending a page more than it takes, as a browser does: all of it, then the answer."""

import asyncio

import httpx

from tests.cloud.client import Client

GIGABYTE = 1_000_000_000


def send_on(
    browser: Client, path: str, head: bytes, *, kind: str, accept: str = "text/html",
    language: str = "en", size: int = GIGABYTE,
) -> tuple[httpx.Response, int]:  # fmt: skip
    """The answer to `head` and so many bytes more; how many of them were read."""
    read = 0
    chunk = b"7;Ann;Maes\n" * 95_326

    async def ask() -> httpx.Response:
        sent: list[dict[str, object]] = []
        first = True

        async def receive() -> dict[str, object]:
            nonlocal first, read
            body = head if first else chunk if read < size else b""
            read += 0 if first else len(body)
            first = False
            return {"type": "http.request", "body": body, "more_body": bool(body)}

        async def send_back(message: dict[str, object]) -> None:
            sent.append(message)

        headers = {
            "host": "localhost", "origin": "http://localhost", "content-type": kind,
            "accept": accept, "accept-language": language, **browser.headers,
        }  # fmt: skip
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
            "query_string": b"", "client": ("127.0.0.1", 1), "server": ("localhost", 80),
            "scheme": "http",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        await browser._app(scope, receive, send_back)  # type: ignore[arg-type]
        content = b"".join(message.get("body", b"") for message in sent)  # type: ignore[misc]
        answer = dict(sent[0]["headers"])  # type: ignore[call-overload]
        return httpx.Response(int(str(sent[0]["status"])), headers=answer, content=content)

    return asyncio.run(ask()), read
