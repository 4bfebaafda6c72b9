"""What is held of somebody, to be given out: a ZIP of JSON for programs and a page for people.

GDPR article 15 wants it intelligible, with what it is for and how long it is kept; article 20, in a
form that another program reads.
"""

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cloud.languages.current import gettext, language, mark, ngettext
from cloud.languages.current import gettext as _

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    extensions=["jinja2.ext.i18n"],
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
_templates.globals["language"] = language.get

TITLES = {
    "company": mark("Who holds it"),
    "person": mark("Who you are"),
    "badges": mark("Badges"),
    "apps": mark("Mobile apps"),
    "registrations": mark("Registrations"),
    "corrections": mark("Corrections"),
    "snapshots": mark("Snapshots that were made"),
    "trail": mark("Who looked, or changed something"),
    "account": mark("Account"),
    "companies": mark("Companies"),
    "sessions": mark("Sessions"),
    "passkeys": mark("Passkeys"),
    "notifications": mark("Notifications"),
    "mails": mark("Mails"),
    "invitations": mark("Invitations"),
    "requests": mark("Requests for access"),
}
"""What the parts are called."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def archive(held: Mapping[str, Any], explained: list[str], *, also: Mapping[str, bytes]) -> bytes:
    """The ZIP: `data.json`, `index.html`, a CSV for each list, and what is to go with them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.json", json.dumps(held, ensure_ascii=False, indent=1))
        file.writestr("index.html", page(held, explained))
        for name, part in held.items():
            if isinstance(part, list) and part:
                file.writestr(f"{name}.csv", _csv(part))
        for name, content in also.items():
            file.writestr(name, content)
    return out.getvalue()


def page(held: Mapping[str, Any], explained: list[str]) -> str:
    """The same for people, in the current language."""
    parts = [
        {
            "title": _(TITLES[name]),
            "facts": part if isinstance(part, dict) else None,
            "rows": [[_cell(value) for value in row.values()] for row in part]
            if isinstance(part, list)
            else [],
            "columns": list(part[0]) if isinstance(part, list) and part else [],
        }
        for name, part in held.items()
        if name in TITLES
    ]
    template = _templates.get_template("held.html")
    return template.render(parts=parts, explained=explained, made_at=held["made_at"])


def of_worker(months: int, minimum: int) -> list[str]:
    """What article 15 wants said with the data of a worker."""
    return [
        _(
            "Purpose: to register who is present on a site and when, as the law of 4 August 1996"
            " (articles 31bis to 31octies) and its royal decrees of 11 February 2014 want it, and"
            " to reckon time worked. Basis: a legal obligation (GDPR article 6(1)(c))."
        ),
        _(
            "How long: presences are kept for %(months)s months from the tap, and never for less"
            " than %(minimum)s; what names you goes with the last of them. Snapshots keep their"
            " content for a time of their own."
        )
        % {"months": months, "minimum": minimum},
        _(
            "Source: the badge you held to a terminal, and what the company entered. Recipients:"
            " the company you work for, the one whose site it is, and the inspection and social"
            " security services where the law says so. No decision is made by a machine alone."
        ),
        *_rights(),
    ]


def of_account() -> list[str]:
    """What article 15 wants said with the data of an account."""
    return [
        _(
            "Purpose: to let you log in, and to know who changed or looked at what. Basis: the"
            " contract with your company, and its duty to answer for what it does with data"
            " (GDPR articles 6(1)(b), 6(1)(c) and 5(2))."
        ),
        _("How long: until you close the account; the trail keeps its number, and no name."),
        *_rights(),
    ]


def _rights() -> list[str]:
    return [
        _(
            "You may have it corrected, erased or restricted as far as no law wants it kept, and"
            " object to its use (GDPR articles 16 to 21): ask the company. You may complain to the"
            " Data Protection Authority, rue de la Presse 35, 1000 Brussels."
        )
    ]


def _csv(rows: list[Mapping[str, Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_harmless(_cell(value)) for value in row.values()])
    return "\ufeff" + out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _harmless(text: str) -> str:
    """No formula, whatever opens it."""
    return "'" + text if text.startswith(_FORMULA) else text
