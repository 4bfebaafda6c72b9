"""Days, moments and numbers as the current language writes them.

Moments are in Brussels, with the offset written out. What programs read, what is typed into forms
and what is compared with another clock stays ISO 8601: `docs/decisions/0039-dates-for-people.md`.
"""

import re
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from cloud.languages.current import language
from cloud.times import BRUSSELS, local

_LOCALES = {"en": "en_GB", "fr": "fr_BE", "nl": "nl_BE", "de": "de_BE"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d)?")


def day(when: date | str) -> str:
    """A day with its name: `mar. 24 nov. 2026`, `di 24 nov 2026`. `when` may be its ISO 8601."""
    found = date.fromisoformat(when) if isinstance(when, str) else when
    return format_date(found, "EEE d MMM y", locale=_LOCALES[language.get()])


def moment(at: int | str, *, offset: bool = True) -> str:
    """A moment in Brussels: `24 nov. 2026, 06:05:09 +01:00`. `at`: milliseconds, or ISO 8601."""
    here = _read(at) if isinstance(at, str) else local(at)
    said = format_datetime(here.replace(tzinfo=None), "medium", locale=_LOCALES[language.get()])
    ahead = f"{here:%z}"
    return f"{said} {ahead[:3]}:{ahead[3:]}" if offset else said


def number(value: int) -> str:
    """A whole number, its thousands apart: `12 345`, `12.345`, `12,345`."""
    return format_decimal(value, locale=_LOCALES[language.get()])


def shown(value: Any) -> Any:
    """A value for a sentence: a number, or ISO 8601 in a text, as the language writes it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    if not isinstance(value, str):
        return value
    try:
        if _DAY.fullmatch(value):
            return day(value)
        return _MOMENT.sub(lambda found: moment(found[0]), value)
    except (ValueError, OverflowError):  # it only looks like one
        return value


def _read(text: str) -> datetime:
    """A moment of ISO 8601 in Brussels, where one without an offset is meant."""
    found = datetime.fromisoformat(text)
    return found.astimezone(BRUSSELS) if found.tzinfo else found.replace(tzinfo=BRUSSELS)
