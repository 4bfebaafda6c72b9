"""Reading a list of workers from CSV, as spreadsheets of this country write it.

The first line names the columns, in French, Dutch, German or English; the others may stand in any
order, and unknown ones are left out. Fields are parted by `;`, `,` or tabs. How it is encoded is
the concern of `encodings.py`.
"""

import csv
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.workers import encodings

MAX_BYTES = 8 * 1024 * 1024
MAX_ROWS = 20_000
_FIELD = 1000
"""Longer fields are nobody's name, but a quote that was never closed."""

COLUMNS: dict[str, frozenset[str]] = {
    "number": frozenset({"numero", "nummer", "number", "personeelsnummer", "matricule", "no"}),
    "given_name": frozenset({"prenom", "voornaam", "vorname", "given name", "first name"}),
    "family_name": frozenset(
        {
            "nom",
            "naam",
            "achternaam",
            "familienaam",
            "name",
            "nachname",
            "familienname",
            "family name",
            "last name",
            "nom de famille",
        }
    ),
    "inss": frozenset({"niss", "insz", "inss", "nationalregisternummer", "registre national"}),
    "badge": frozenset({"badge", "badgenummer", "numero de badge", "badge number", "ausweis"}),
    "active": frozenset({"actif", "actief", "aktiv", "active"}),
}
"""The words by which each column is known, without accents and in lower case."""
TITLES = {
    "number": mark("number"),
    "given_name": mark("given name"),
    "family_name": mark("family name"),
    "inss": mark("INSS"),
    "badge": mark("badge"),
    "active": mark("active"),
}
"""What people call the columns."""
_REQUIRED = ("number", "given_name", "family_name")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file: its number there (the header is line 1), and its fields by column."""

    line: int
    fields: dict[str, str]


def read(path: Path) -> bytes:
    """A file's content, and of one that is too long only as much as shows it. Raises InvalidError.

    Nobody has to hold a file of a gigabyte in memory to be told that it is too long.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidError(f"cannot read {path}: {error.strerror}") from error


def rows(content: bytes) -> Iterator[Row]:
    """The lines of a file, those without any text left out.

    Raises InvalidError naming what is wrong with the file, before the first row or where it is.
    """
    if len(content) > MAX_BYTES:
        raise InvalidError(
            _("the file is longer than %(size)d MiB; save the list of workers alone, as CSV")
            % {"size": MAX_BYTES // 1024 // 1024}
        )
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InvalidError(_("the file is a spreadsheet; save it as CSV (UTF-8) first"))
    lines = encodings.text(content).splitlines(keepends=True)
    header = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=_delimiter(header), strict=True)
    places: dict[str, int] | None = None
    count = 0
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise InvalidError(_(_quotes(str(error))) % {"line": reader.line_num}) from None
        if not any(field.strip() for field in fields):
            continue
        if places is None:
            places = _places(fields)
            continue
        count += 1
        if count > MAX_ROWS:
            raise InvalidError(
                _("the file has more than %(most)d workers; part it in several")
                % {"most": MAX_ROWS}
            )
        yield _row(reader.line_num, fields, places)
    if places is None:
        raise InvalidError(_("the file is empty; the first line names the columns"))


def _quotes(why: str) -> str:
    """What is wrong with a line that the `csv` module cannot take apart, and the fix."""
    if "end of data" in why:
        return mark(
            "line %(line)d: a quote is opened before or on this line and never closed; close it, or"
            " take it away"
        )
    if "expected after" in why:
        return mark(
            "line %(line)d: something follows a closing quote; double the quotes that belong to"
            " the text"
        )
    return mark("line %(line)d: it cannot be taken apart; check its quotes and ends of lines")


def _row(line: int, fields: list[str], places: dict[str, int]) -> Row:
    if any(len(field) > _FIELD for field in fields):
        raise InvalidError(
            _("line %(line)d: a field is longer than %(most)d characters; check the quotes")
            % {"line": line, "most": _FIELD}
        )
    found = {name: fields[place].strip() for name, place in places.items() if place < len(fields)}
    return Row(line, {name: value for name, value in found.items() if value})


def _delimiter(header: str) -> str:
    return max(";,\t", key=header.count)


def _places(header: list[str]) -> dict[str, int]:
    """Where each column stands. Raises InvalidError naming the ones missing or there twice."""
    found: dict[str, int] = {}
    for place, title in enumerate(header):
        word = _plain(title)
        for name, words in COLUMNS.items():
            if word not in words:
                continue
            if name in found:
                raise InvalidError(
                    _("two columns mean %(column)s; rename one") % {"column": _(TITLES[name])}
                )
            found[name] = place
    missing = [_(TITLES[name]) for name in _REQUIRED if name not in found]
    if missing:
        raise InvalidError(
            _(
                "no column is named %(columns)s: the first line must name the columns, as in"
                " `number;given name;family name`"
            )
            % {"columns": ", ".join(missing)}
        )
    return found


def _plain(title: str) -> str:
    parted = unicodedata.normalize("NFKD", title.strip().lower())
    letters = "".join(character for character in parted if not unicodedata.combining(character))
    return " ".join(letters.replace("_", " ").replace("°", "o").split())
