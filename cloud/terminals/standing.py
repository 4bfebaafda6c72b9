"""How a terminal is doing, in one word, from what is known of it."""

from enum import StrEnum
from typing import Any

SILENT_MS = 180_000
"""A terminal tells every minute; one that said it was online and tells nothing is silent."""


class Standing(StrEnum):
    """What is known of a terminal's connection."""

    NEVER = "never"
    """Nothing was ever heard of it."""
    ONLINE = "online"
    SILENT = "silent"
    """It did not say farewell, and tells nothing."""
    OFFLINE = "offline"
    """The broker, or the terminal itself, said that it went."""


def standing(last_seen_ms: int | None, last_status: dict[str, Any], now_ms: int) -> Standing:
    """How a terminal is doing at `now_ms`; `last_status` as `cloud.terminals.queries` reads it."""
    if last_seen_ms is None:
        return Standing.NEVER
    status = last_status.get("status")
    if not isinstance(status, dict) or status.get("state") != "online":
        return Standing.OFFLINE
    return Standing.SILENT if now_ms - last_seen_ms > SILENT_MS else Standing.ONLINE
