"""Asking the application as a browser would, without a socket between."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.types import ASGIApp


class Client:
    """Requests to an application, one after the other."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] | None = None) -> None:
        self._app = app
        self.headers = dict(headers or {})
        """Sent with every request."""

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET a path with its query."""
        return self.request("GET", path, **options)

    def post(self, path: str, **form: Any) -> httpx.Response:
        """Send a form, as a page of this application would."""
        return self.request("POST", path, data=form, headers={"origin": "http://localhost"})

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request. A failure inside the application is the answer it sends, nothing else."""

        options["headers"] = {**self.headers, **options.get("headers", {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())


class Browser(Client):
    """Keeps cookies, as browsers do."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request, with the cookies there are; and what came with the answer is kept."""
        self.headers["cookie"] = "; ".join(
            f"{name}={value}" for name, value in self.cookies.items()
        )
        answer = super().request(method, path, **options)
        self.cookies |= dict(answer.cookies)
        for name in re.findall(r'(__Host-[\w-]+)=""', answer.headers.get("set-cookie", "")):
            self.cookies.pop(name, None)
        return answer
