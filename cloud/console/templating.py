"""Filling in the console's templates."""

from contextvars import ContextVar
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from cloud.console.help import help_with
from cloud.console.navigation import entries
from cloud.languages import formats
from cloud.languages.current import NAMES, gettext, language, ngettext

here: ContextVar[str] = ContextVar("here", default="/")
"""Path and query of the page that is asked for, to come back to."""
asked: ContextVar[str] = ContextVar("asked", default="/")
"""The path that is asked, by whichever method."""

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    extensions=["jinja2.ext.i18n"],
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
_one_or_many: Any = _templates.globals["ngettext"]


@pass_context
def _counted(context: Context, one: str, many: str, count: int, **values: Any) -> Any:
    """The text for so many, in which their `num` is written as the language writes numbers."""
    return _one_or_many(context, one, many, count, **{"num": formats.number(count), **values})


_templates.globals["ngettext"] = _counted
_templates.filters |= {"day": formats.day, "moment": formats.moment, "number": formats.number}
_templates.globals["language"] = language.get
_templates.globals["languages"] = NAMES
_templates.globals["here"] = here.get
_templates.globals["navigation"] = entries
_templates.globals["help"] = lambda: help_with(asked.get())


def html(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or a part of one; every value is escaped."""
    return HTMLResponse(_templates.get_template(template).render(values), status)
