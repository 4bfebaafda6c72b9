"""Texts found where they are written, and kept in the catalogues: `scripts/texts`.

A catalogue is a gettext PO file without header, dates or places, in the order of the texts: it
changes when a text or its translation does, and for nothing else.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from cloud.languages.current import LANGUAGES

CATALOGUES = Path(__file__).parent / "catalogs"
_CLOUD = Path(__file__).parents[1]
_METHODS = [
    ("migrations/**", "ignore"),
    ("**/templates/**.html", "jinja2"),
    ("**.py", "python"),
]
_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "mark": None,
    "ngettext": (1, 2),
}
_STEPS: tuple[dict[str, tuple[int, ...] | None], ...] = (
    {"ok": (2,), "note": (2,), "stop": (2,)},
    {"note": (3,), "stop": (3,)},
)
"""The sentences of `cloud.visibility.steps` are marks themselves: what was found, and the fix."""
_PLACE = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}")

Text = str | tuple[str, ...]
"""A text, or its singular and plural."""


def texts() -> set[Text]:
    """Every text that is marked in templates and code."""
    found = set(_extracted(_CLOUD, _KEYWORDS))
    for keywords in _STEPS:
        found |= set(_extracted(_CLOUD / "visibility", keywords))
    return found


def catalogue(language: str) -> Catalog:
    """The translations there are; an empty one where there are none."""
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as source:
        return read_po(source, locale=language)


def written(catalog: Catalog, wanted: set[Text]) -> bytes:
    """A catalogue of the texts `wanted`, with the translations that are in `catalog`."""
    made = Catalog(locale=catalog.locale, fuzzy=False)
    for text in wanted:
        known = catalog.get(text)
        made.add(text, known.string if known is not None else None)
    out = BytesIO()
    write_po(out, made, width=100, omit_header=True, no_location=True, sort_output=True)
    return out.getvalue()


def problems(catalog: Catalog, wanted: set[Text]) -> Iterator[str]:
    """What is wrong with a catalogue: texts that miss, are obsolete, or lost a placeholder."""
    ids = {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalog}
    for text in sorted(wanted - ids, key=str):
        yield f"not there: {text!r}; run scripts/texts"
    for message in catalog:
        if not message.id:
            continue
        text = message.id if isinstance(message.id, str) else tuple(message.id)
        if text not in wanted:
            yield f"no longer used: {text!r}; run scripts/texts"
        elif message.fuzzy or not all(_strings(message)):
            yield f"not translated: {text!r}"
        elif _places_differ(message):
            yield f"other placeholders than its text: {text!r}"


def _extracted(directory: Path, keywords: dict[str, tuple[int, ...] | None]) -> Iterator[Text]:
    for _path, _line, text, _comments, _context in extract_from_dir(
        directory, _METHODS, keywords=keywords
    ):
        yield text if isinstance(text, str) else tuple(text)


def _strings(message: Message) -> tuple[str, ...]:
    """Its translations: one, or one for each plural form."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


def _places_differ(message: Message) -> bool:
    ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    wanted = {frozenset(_PLACE.findall(text)) for text in ids}
    return any(frozenset(_PLACE.findall(text)) not in wanted for text in _strings(message))


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when something is wrong.")
def main(check: bool) -> None:
    """Bring the catalogues up to date with the texts in code and templates.

    New texts come in without a translation, to be written in cloud/languages/catalogs/LANGUAGE.po;
    texts that are gone go.
    """
    wanted = texts()
    wrong = 0
    for language in LANGUAGES[1:]:
        if not check:
            CATALOGUES.mkdir(exist_ok=True)
            path = CATALOGUES / f"{language}.po"
            path.write_bytes(written(catalogue(language), wanted))
        for problem in problems(catalogue(language), wanted):
            click.echo(f"{language}: {problem}", err=True)
            wrong += 1
    click.echo(f"{len(wanted)} texts in {len(LANGUAGES) - 1} languages, {wrong} to be mended")
    raise SystemExit(1 if check and wrong else 0)


if __name__ == "__main__":
    main()
