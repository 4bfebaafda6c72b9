"""Words as people look for them: without case and accents, in another number, a part of a longer.

What somebody types is compared with each word of the guide. It need not be the same: "appareils"
finds "appareil", "Gerät" finds "Gerätenummer", "werven" finds "werf", and a slip of the finger is
forgiven. There are a few thousand words, so all of them are tried.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path

_WORD = re.compile(r"\w+")
_LONGEST = 40
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})
_LANGUAGES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
SMALL = {code: frozenset(each["small"].split()) for code, each in _LANGUAGES.items()}
"""Words that a question has and that nobody looks for, folded."""
_STEM = 3
"""An ending is not taken from what would be shorter without it."""
_SAME, _FORM, _BEGINNING, _PART, _WITHIN, _SLIP = 1.0, 0.85, 0.6, 0.45, 0.35, 0.3
"""How much a likeness of each kind is worth."""


def words(text: str) -> Iterator[tuple[str, int, int]]:
    """Each word of a text, folded, and where in the text it begins and ends."""
    for found in _WORD.finditer(text):
        yield fold(found[0][:_LONGEST]), found.start(), found.end()


def fold(text: str) -> str:
    """A text without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return "".join(each for each in apart if not unicodedata.combining(each))


def stem(word: str, language: str) -> str:
    """A folded word without its ending."""
    for ending, instead in _LANGUAGES[language]["endings"]:
        if word.endswith(ending) and len(word) - len(ending) + len(instead) >= _STEM:
            return str(word[: len(word) - len(ending)] + instead)
    return word


def likeness(asked: str, word: str, language: str) -> float:
    """How far a folded word is what was asked for: 0, not at all, to 1."""
    if asked == word:
        return _SAME
    if len(asked) < _STEM or len(word) < _STEM:
        return 0.0
    short, stem_of_word = stem(asked, language), stem(word, language)
    if short == stem_of_word:
        return _FORM
    if word.startswith((asked, short)) and len(short) >= _STEM:
        # The nearer to the whole word the better.
        return _BEGINNING * (0.5 + 0.5 * len(short) / len(word))
    if len(short) > _STEM and short in word:
        return _PART
    if len(stem_of_word) > _STEM and stem_of_word in asked:
        return _WITHIN
    return _SLIP if len(asked) > 4 and _one_slip(asked, word) else 0.0


def _one_slip(one: str, other: str) -> bool:
    """Whether one letter more, less or other, or two that changed places, is all that differs."""
    if abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return False
    at = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    if len(one) == len(other):
        swapped = one[at + 1 : at + 2] == other[at : at + 1] and one[at] == other[at + 1 : at + 2]
        return one[at + 1 :] == other[at + 1 :] or (swapped and one[at + 2 :] == other[at + 2 :])
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[at + 1 :] == shorter[at:]
