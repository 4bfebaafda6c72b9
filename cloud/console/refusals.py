"""What is refused or fails: a page for whoever asks with a browser, a problem for a program."""

import json
from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from cloud.api import problems
from cloud.console import mistyped
from cloud.console.templating import html
from cloud.errors import CloudError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark

TITLES = {
    403: mark("This is not yours to do"),
    404: mark("There is nothing here for you"),
    405: mark("This is not asked that way"),
    413: mark("That is too much"),
    422: mark("That cannot be meant"),
    429: mark("Too often"),
    500: mark("Something went wrong here"),
    503: mark("Try again in a moment"),
}
_SAID = {
    400: mark("The form did not arrive as the page sends it; open the page anew."),
    404: mark("No page has this address; check it, or go back."),
    405: mark("This address is not asked in this way; go back, and use the page's own button."),
}
_NO_MORE = mark("This cannot be answered; go back, and try again.")
_Handler = Callable[[Request, Exception], Response]


def install(app: FastAPI) -> None:
    """Answer browsers by pages, where handlers that tell problems (RFC 9457) are in place."""
    for error in (HTTPException, RequestValidationError, CloudError, OperationalError, Exception):
        told: _Handler = app.exception_handlers[error]  # type: ignore[assignment]
        app.add_exception_handler(error, _paged(_worded(told)))


def _worded(told: _Handler) -> _Handler:
    """A handler that has what frameworks say in English said in the language of the page."""

    def handle(request: Request, error: Exception) -> Response:
        if not request.url.path.startswith("/v1/"):
            if isinstance(error, RequestValidationError):
                return problems.problem(request, 422, mistyped.sentence(error.errors()[0]))
            if isinstance(error, HTTPException) and error.detail == _phrase(error.status_code):
                said = _(_SAID.get(error.status_code, _NO_MORE))
                return problems.problem(request, error.status_code, said, error.headers)
        return told(request, error)

    return handle


def _phrase(status: int) -> str:
    """What an error says of itself when nobody said anything else."""
    return HTTPStatus(status).phrase


def refusal(scope: Scope, status: int, detail: str) -> Response:
    """The answer to a request that no route is asked about."""
    request = Request(scope)
    return _page(request, problems.problem(request, status, detail))


def _paged(told: _Handler) -> _Handler:
    """A handler that makes a page of what `told` says."""
    return lambda request, error: _page(request, told(request, error))


def _page(request: Request, answer: Response) -> Response:
    """What a problem says, as a page if it is a browser that asks."""
    wanted = "text/html" in request.headers.get("accept", "")
    if not wanted or answer.status_code not in TITLES or request.url.path.startswith("/v1/"):
        return answer
    problem = json.loads(bytes(answer.body))
    return html(
        "refusal.html",
        answer.status_code,
        title=_(TITLES[answer.status_code]),
        detail=problem["detail"],
    )
