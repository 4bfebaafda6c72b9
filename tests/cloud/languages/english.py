"""Whether something is said in a language, or in English still."""

import re

from babel.dates import get_day_names, get_month_names

from cloud.languages.current import LANGUAGES, texts

TRANSLATED = LANGUAGES[1:]
_PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
_WORD = re.compile(r"[^\W\d_]{2,}")


def words(text: str) -> set[str]:
    """The words of a text, in lower case; what stands in it for a value is none."""
    return set(_WORD.findall(_PLACE.sub(" ", text).lower()))


def left(said: str, language: str) -> set[str]:
    """The words of what is said that some English text has, and none in `language` does."""
    known = texts(language)
    english = set().union(*map(words, known))
    own = set().union(*(words(text) for english, text in known.items() if text != english))
    for names in (get_day_names, get_month_names):
        own |= words(" ".join(names("abbreviated", locale=language).values()))
    return words(said) & english - own
