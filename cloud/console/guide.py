"""`/guide`: the user guide, for whoever can reach this address.

It is read without logging in, as people need it before they can: to register, to accept what they
were invited to, at a gate. It holds nothing of anybody, and asks no database.
"""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, Response

from cloud.console.templating import html
from cloud.errors import NotFoundError
from cloud.guide import pictures, searching
from cloud.guide.chapters import book
from cloud.guide.errors import GuideError
from cloud.languages.current import gettext as _
from cloud.languages.current import language

_KEPT = "public, max-age=3600"


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/guide", include_in_schema=False)(contents)
    app.get("/guide/all", include_in_schema=False)(whole)
    app.get("/guide/search", include_in_schema=False)(search)
    app.get("/guide/images/{language}/{picture}", include_in_schema=False)(image)
    app.get("/guide/{chapter}", include_in_schema=False)(one)


def contents() -> Response:
    """The chapters, each with what it begins with."""
    return _page("guide_contents.html")


def whole() -> Response:
    """All chapters on one page, to be printed."""
    return _page("guide_all.html")


def search(q: Annotated[str, Query()] = "") -> Response:
    """The parts that fit a question best; any text is one."""
    question = q[: searching.LONGEST]
    return _page(
        "guide_search.html", question=question, hits=searching.find(language.get(), question)
    )


def one(chapter: str) -> Response:
    """One chapter. Raises NotFoundError."""
    guide = book(language.get())
    found = guide.chapters.get(chapter)
    if found is None:
        raise NotFoundError(_("The guide has no such chapter; look at its contents."))
    before, after = guide.around(chapter)
    return _page("guide_chapter.html", chapter=found, before=before, after=after)


def image(language: str, picture: str) -> Response:
    """A picture of a chapter. Raises NotFoundError."""
    try:
        path = pictures.picture(language, picture)
    except GuideError:
        raise NotFoundError(_("The guide has no such picture.")) from None
    return FileResponse(path, media_type="image/png", headers={"cache-control": _KEPT})


def _page(template: str, **values: Any) -> Response:
    return html(template, **{"guide": book(language.get()), "question": "", **values})
