"""Days as people write them, and how many of a worker's are shown at once."""

from datetime import date

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

MOST_DAYS = 92
"""One worker's days at once; longer periods are for exports."""


def read_day(text: str) -> date:
    """A day between 1972 and 9997, written as ISO 8601 does. Raises InvalidError."""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        found = date.min
    if not 1971 < found.year < 9998:
        raise InvalidError(_("%(day)s is no day; write it as 2026-03-01.") % {"day": text[:20]})
    return found


def check_period(first: date, last: date) -> None:
    """Raise InvalidError when the last day is before the first, or too long after it."""
    if not 0 <= (last - first).days < MOST_DAYS:
        raise InvalidError(
            _("Give a last day that is not before the first, and at most %(days)s days in all.")
            % {"days": MOST_DAYS}
        )
