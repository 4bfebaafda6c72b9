"""Dates as the current language writes them; moments in tables are ISO 8601 in every language."""

from datetime import date

from babel.dates import format_date

from cloud.languages.current import language

_LOCALES = {"en": "en_BE", "fr": "fr_BE", "nl": "nl_BE", "de": "de_BE"}


def day(when: date) -> str:
    """A day with its name: `mar. 24 nov. 2026`, `di 24 nov 2026`."""
    return format_date(when, "EEE d MMM y", locale=_LOCALES[language.get()])
