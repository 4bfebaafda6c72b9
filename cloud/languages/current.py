"""The language in which the request at hand is answered, and texts in it.

Texts are written in English where they are used, `_("Log in")`, and looked up in the catalogue of
the current language (`catalogs/LANGUAGE.po`). Without one, the English text is the answer.
"""

from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

NAMES = (("en", "English"), ("fr", "Français"), ("nl", "Nederlands"), ("de", "Deutsch"))
"""Each language as it calls itself."""
LANGUAGES = tuple(code for code, _name in NAMES)
"""ISO 639-1; the first is the one the texts are written in."""

language: ContextVar[str] = ContextVar("language", default="en")


@cache
def catalogue(of: str) -> NullTranslations:
    """The texts of a language; of one without a catalogue, the English ones."""
    path = Path(__file__).parent / "catalogs" / f"{of}.po"
    if of not in LANGUAGES or not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, of))
    compiled.seek(0)
    return Translations(compiled)


def gettext(text: str) -> str:
    """The text in the current language."""
    return catalogue(language.get()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The text for so many of something, in the current language."""
    return catalogue(language.get()).ngettext(one, many, count)


def mark(text: str) -> str:
    """The same text, marked for the catalogues: it is translated later, where it is shown."""
    return text
