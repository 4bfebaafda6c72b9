"""Errors as programs read them: problem details (RFC 9457), and never a traceback."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from cloud.errors import CloudError, ConflictError, DatabaseError, NotFoundError
from cloud.languages.current import gettext as _

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("pointeuse.api")


class Problem(BaseModel):
    """What went wrong (RFC 9457). `detail` is a sentence for a person; it names the fix."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str


DESCRIBED: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in (
        (401, "No token, or one that is not known."),
        (422, "A parameter cannot be meant."),
        ("default", "Anything else that went wrong."),
    )
}
"""For the `responses` of every route."""


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(CloudError, _cloud)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(PoolTimeoutError, _database)
    app.add_exception_handler(Exception, _unexpected)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered above
    return problem(request, error.status_code, str(error.detail), error.headers)


def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered above
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"][1:]) or "the request"
    return problem(request, 422, f"{where}: {found['msg'][:1].lower()}{found['msg'][1:]}")


def _cloud(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DatabaseError):
        return problem(request, 503, str(error))
    if isinstance(error, NotFoundError):
        return problem(request, 404, str(error))
    conflicts = isinstance(error, ConflictError) and request.url.path.startswith("/v1/")
    return problem(request, 409 if conflicts else 422, str(error))


def _database(request: Request, error: Exception) -> JSONResponse:
    _log.error("the database does not answer: %s", error)
    return problem(request, 503, _("The database does not answer; try again."))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(request, 500, _("Something went wrong here; the log says what."))


def problem(request: Request, status: int, detail: str, headers: Any = None) -> JSONResponse:
    """An answer that is a problem."""
    told = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, instance=request.url.path
    )
    return JSONResponse(told.model_dump(), status, headers, MEDIA_TYPE)
