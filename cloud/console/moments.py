"""Moments as tables write them: in Brussels as the language does, and in UTC as logs do."""

from datetime import UTC, datetime
from typing import Any

from cloud.languages import formats
from cloud.times import local


def moment(ms: int | None) -> dict[str, str] | None:
    """A moment for a template: `iso`, `day`, `local` with its `offset`, and `utc`.

    None for None.
    """
    if ms is None:
        return None
    here = local(ms)
    offset = f"{here:%z}"
    return {
        "iso": here.isoformat(timespec="milliseconds"),
        "day": formats.day(here),
        "local": formats.moment(ms, offset=False),
        "offset": f"{offset[:3]}:{offset[3:]}",
        "utc": f"{here.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
    }


def from_said(value: Any) -> dict[str, str] | None:
    """A moment that a terminal told in milliseconds; None when it is no moment."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment(value)
