"""Times as people write and read them; inside, all are milliseconds since 1970 UTC."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

BRUSSELS = ZoneInfo("Europe/Brussels")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 30, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def now_ms() -> int:
    """Milliseconds since 1970 UTC, now."""
    return time.time_ns() // 1_000_000


def from_datetime(moment: datetime) -> int:
    """Milliseconds of a moment; one without an offset is meant in Brussels. Raises InvalidError."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=BRUSSELS)
    if not 1970 < aware.year < 9999:
        raise InvalidError(_("%(moment)s is not between 1971 and 9998") % {"moment": moment})
    return (aware - _EPOCH) // _MS


def parse(text: str) -> int:
    """Milliseconds of an ISO 8601 date or date and time. Raises InvalidError.

    A date is its first moment in Brussels, and so is a time without an offset.
    """
    try:
        if len(text) == 10:
            return from_datetime(datetime.combine(date.fromisoformat(text), datetime.min.time()))
        return from_datetime(datetime.fromisoformat(text))
    except ValueError:
        raise InvalidError(
            _("%(text)s is not a time; write 2026-03-01, or 2026-03-01T06:30:00+01:00")
            % {"text": repr(text)}
        ) from None


def local(ms: int) -> datetime:
    """A moment in Brussels, clamped to what a calendar holds."""
    moment = _EPOCH + min(max(ms, 0), (_LAST - _EPOCH) // _MS) * _MS
    return moment.astimezone(BRUSSELS)


def rfc3339(ms: int) -> str:
    """A moment in Brussels as RFC 3339 writes it: 2026-03-01T06:30:00.125+01:00."""
    return local(ms).isoformat(timespec="milliseconds")
