"""`/language`: in which language the console speaks, and that it does for each request."""

from typing import Annotated, Literal

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud.accounts import service
from cloud.api.parameters import Database
from cloud.console import cookies
from cloud.console.templating import asked, here
from cloud.console.visits import visit
from cloud.languages.choosing import chosen
from cloud.languages.current import language as current

COOKIE = "__Host-language"
_KEPT_S = 365 * 86_400


def install(app: FastAPI) -> None:
    """Add the route."""
    app.post("/language", include_in_schema=False)(choose)


def choose(
    request: Request,
    conn: Database,
    language: Annotated[Literal["en", "fr", "nl", "de"], Form()],
    back: Annotated[str, Form(max_length=2000, pattern=r"^[^\x00-\x20\x7f]*$")] = "/",
) -> Response:
    """Speak this language from now on, here and in mails to whoever is logged in."""
    found = visit(request, conn)
    if found is not None:
        with request.app.state.writer.begin() as writing:
            service.set_language(writing, found.account_id, language)
    answer = RedirectResponse(_inside(back), 303)
    cookies.give(answer, COOKIE, language, kept_s=_KEPT_S)
    return answer


class Languages:
    """Has each request for a page served in the language that its browser wants.

    The API speaks English: programs read it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        before = current.set(chosen(cookie, headers.get("accept-language", "")))
        was_here, was_asked = here.set(_address(scope)), asked.set(scope["path"])
        try:
            await self._app(scope, receive, send)
        finally:
            asked.reset(was_asked)
            here.reset(was_here)
            current.reset(before)


def _address(scope: Scope) -> str:
    """Path and query of a page, to come back to; a form that was sent has none."""
    if scope["method"] != "GET":
        return "/"
    path = str(scope["raw_path"].decode("ascii", "replace").partition("?")[0])
    query = scope["query_string"].decode("ascii", "replace")
    return f"{path}?{query}" if query else path


def _inside(path: str) -> str:
    """The page where the button was, by its path alone: no other site is ever gone to."""
    return path if path.startswith("/") and path[1:2] not in ("/", "\\") else "/"
