"""The language in which the request at hand is answered, and texts in it.

Texts are written in English where they are used, `_("Log in")`, and looked up in the catalogue of
the current language (`catalogs/LANGUAGE.po`). Without one, the English text is the answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

NAMES = (("en", "English"), ("fr", "Français"), ("nl", "Nederlands"), ("de", "Deutsch"))
"""Each language as it calls itself."""
LANGUAGES = tuple(code for code, _name in NAMES)
"""ISO 639-1; the first is the one the texts are written in."""

language: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def spoken(code: str) -> Iterator[None]:
    """Speak one of LANGUAGES meanwhile: a mail is in the language of whoever it is for."""
    before = language.set(code)
    try:
        yield
    finally:
        language.reset(before)


@cache
def catalogue(of: str) -> NullTranslations:
    """The texts of a language; of one without a catalogue, the English ones."""
    source = _read(of)
    if source is None:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, source)
    compiled.seek(0)
    return Translations(compiled)


@cache
def texts(of: str) -> Mapping[str, str]:
    """Every text there is, as it is in a language; of a text for one and many, the one for one."""
    source = _read(of) or _read(LANGUAGES[1])
    found = {}
    for message in source or ():
        one, said = _first(message.id), _first(message.string)
        found[one] = one if of == LANGUAGES[0] else said
    return found


def _first(text: str | Sequence[str] | None) -> str:
    """A text, or of several forms the one for one."""
    return (text if isinstance(text, str) else text[0]) if text else ""


@cache
def _read(of: str) -> Catalog | None:
    path = Path(__file__).parent / "catalogs" / f"{of}.po"
    if of not in LANGUAGES or not path.exists():
        return None
    with path.open("rb") as source:
        return read_po(source, of)


def gettext(text: str) -> str:
    """The text in the current language."""
    return catalogue(language.get()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The text for so many of something, in the current language."""
    return catalogue(language.get()).ngettext(one, many, count)


def mark(text: str) -> str:
    """The same text, marked for the catalogues: it is translated later, where it is shown."""
    return text
