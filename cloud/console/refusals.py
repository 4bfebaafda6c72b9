"""What is refused or fails: a page for whoever asks with a browser, a problem for a program."""

import json
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from cloud.api import problems
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
_Handler = Callable[[Request, Exception], Response]


def install(app: FastAPI) -> None:
    """Answer browsers by pages, where handlers that tell problems (RFC 9457) are in place."""
    for error in (HTTPException, RequestValidationError, CloudError, OperationalError, Exception):
        told: _Handler = app.exception_handlers[error]  # type: ignore[assignment]
        app.add_exception_handler(error, _paged(told))


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
