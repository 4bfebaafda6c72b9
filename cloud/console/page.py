"""The console's routes: the page, and what of it moves."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from cloud.api.parameters import MAX_ID, Database
from cloud.console import view

_HERE = Path(__file__).parent
_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def install(app: FastAPI) -> None:
    """Add the console to the application: `/`, `/live`, `/static/`."""
    app.get("/", include_in_schema=False)(page)
    app.get("/live", include_in_schema=False)(live)
    app.mount("/static", StaticFiles(directory=_HERE / "static"))


def page(conn: Database) -> HTMLResponse:
    """The whole page."""
    return _html("page.html", newer_than=None, **view.live(conn))


def live(
    request: Request,
    conn: Database,
    tag: Annotated[str, Query(max_length=64)] = "",
    newest: Annotated[int, Query(ge=0, le=MAX_ID)] = MAX_ID,
) -> Response:
    """What moves on the page, or 204 when the page that shows `tag` is up to date.

    Registrations above `newest` are marked as new.
    """
    shown = view.live(conn)
    if shown["tag"] == tag:
        return Response(status_code=204)
    etag = f'"{shown["tag"]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    answer = _html("live.html", newer_than=newest, **shown)
    answer.headers["etag"] = etag
    return answer


def _html(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates.get_template(template).render(values))
