"""What a terminal told of itself, late and lately, as far as it is of the shape expected."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from cloud.console.moments import from_said, moment
from cloud.terminals import saying, telemetry

CHANGES = 20
"""So many changes of readers are shown, the newest."""


def worst(history: Sequence[RowMapping]) -> dict[str, int | None]:
    """Of what was told in the time shown, what says most."""
    return {
        "queue": max((row["queue"] for row in history if row["queue"] is not None), default=None),
        "receipt_ms": max(
            (row["receipt_ms"] for row in history if row["receipt_ms"] is not None), default=None
        ),
        "clock_ms": max(
            (row["clock_ms"] for row in history if row["clock_ms"] is not None),
            key=abs,
            default=None,
        ),
    }


def reader_changes(history: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """When a reader came, went or failed, the newest first; `history` is the oldest first."""
    found: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for row in history:
        states = json.loads(row["readers"] or "{}")
        changed = sorted(name for name in states if states[name] != before.get(name, states[name]))
        found += [
            {"at": moment(row["at_ms"]), "name": name, "state": states[name]} for name in changed
        ]
        before |= states
    return found[: -CHANGES - 1 : -1]


def told(last_status: dict[str, Any]) -> dict[str, Any]:
    """What the terminal told last, as far as it is of the shape expected."""
    said = _object(last_status.get("telemetry"))
    clock = _object(said.get("clock"))
    certificate = _object(said.get("certificate"))
    return {
        **{
            name: value
            for name, value in telemetry.report(said, 0).items()
            if name in ("queue", "receipt_ms", "clock_bound_ms", "unreadable", "clock_sync")
        },
        "version": str(said["version"])[:40] if isinstance(said.get("version"), str) else None,
        "clock_known": bool(clock),
        "certificate_from": from_said(certificate.get("not_before_ms")),
        "certificate_to": from_said(certificate.get("not_after_ms")),
        "readers": [
            {
                "name": str(name)[:40],
                "state": str(_object(reader).get("state"))[:20],
                "detail": str(_object(reader).get("detail") or "")[:200],
            }
            for name, reader in list(_object(said.get("readers")).items())[:16]
        ],
        "alarms": [
            {"said": saying.alarm(str(name)), "own": f"{name}: {detail}"[:200]}
            for name, detail in list(_object(said.get("alarms")).items())[:10]
        ],
        "reasons": _reasons(said.get("unreadable")),
    }


def _reasons(said: Any) -> list[tuple[str, int]]:
    """Why badges could not be read, in the current language, and how often, over all readers."""
    found: dict[str, int] = {}
    for by_reason in _object(said).values():
        for reason, count in _object(by_reason).items():
            if isinstance(count, int) and 0 <= count < 2**53:
                said = saying.reason(str(reason))
                found[said] = found.get(said, 0) + count
    return sorted(found.items(), key=lambda item: -item[1])[:10]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
