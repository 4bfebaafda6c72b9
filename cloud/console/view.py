"""What the page shows, as plain values: the templates only lay them out."""

import hashlib
import json
from typing import Any

from sqlalchemy import Connection, RowMapping

from cloud.console.terminals import STANDINGS
from cloud.custody import queries as custody
from cloud.custody import saying as alarms
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import language, mark, ngettext
from cloud.registrations import queries, reasons
from cloud.registrations.queries import Filter
from cloud.terminals import queries as terminals
from cloud.terminals import saying
from cloud.terminals.standing import standing
from cloud.times import local, now_ms
from cloud.visibility import rules
from cloud.visibility.rules import Operator, Viewer
from cloud.visibility.told import last_told
from protocol.badges import Assurance
from protocol.identity import group

ROWS = 60
TERMINALS = 200

_DIRECTIONS = {
    "in": mark("In"),
    "out": mark("Out"),
    "auto": mark("In or out"),
    "break-start": mark("Break"),
    "break-end": mark("Back"),
}
_READER_STATES = {
    "absent": mark("reader %(name)s is absent"),
    "failed": mark("reader %(name)s has failed"),
}
_READER_ELSE = mark("reader %(name)s is not ready")
_ASSURANCES = {
    Assurance.PRINTED: mark("printed number"),
    Assurance.UID: mark("chip number"),
    Assurance.READ: mark("chip data"),
    Assurance.AUTHENTICATED: mark("authenticated"),
}


def live(conn: Connection, seen_by: Viewer | Operator) -> dict[str, Any]:
    """Everything that moves on the page. `tag` changes when anything a person sees does."""
    rows = queries.listed(conn, Filter(rules.visible_registrations(seen_by)), limit=ROWS)
    standing = terminals.listed(
        conn,
        visible=rules.visible_terminals(seen_by),
        places=rules.visible_sites(seen_by),
        told=last_told(seen_by),
        limit=TERMINALS,
    )
    shown: dict[str, Any] = {
        "registrations": [registration(row) for row in rows],
        "terminals": [_terminal(row) for row in standing],
        "operator": isinstance(seen_by, Operator),
        "notices": _notices(conn) if isinstance(seen_by, Operator) else [],
    }
    shown["tag"] = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]
    shown["newest"] = rows[0]["id"] if rows else 0
    return shown


def registration(row: RowMapping) -> dict[str, Any]:
    """A registration for a template."""
    said = queries.as_json(row)
    assurance = Assurance(row["assurance"])
    return {
        **said,
        "number": group(row["device"]),
        "time": _time(row["tapped_ms"]),
        "arrow": row["direction"],
        "direction": _(_DIRECTIONS[row["direction"]]),
        "level": int(assurance),
        "assurance": _(_ASSURANCES[assurance]),
        "advice": None if row["reason"] is None else reasons.explain(row["reason"]),
        "correction": _correction(row) if row["corrected"] else None,
    }


def _correction(row: RowMapping) -> str:
    """That the time was corrected, and how far it can be off: never less than it can."""
    if row["earliest_ms"] is None or row["latest_ms"] is None:
        return _("corrected, bound unknown")
    bound_ms = max(row["tapped_ms"] - row["earliest_ms"], row["latest_ms"] - row["tapped_ms"])
    return _("corrected ± %(seconds)s s") % {"seconds": max(1, -(-bound_ms // 1000))}


def _terminal(row: dict[str, Any]) -> dict[str, Any]:
    telemetry = _object(row["last_status"].get("telemetry"))
    queue = telemetry.get("queue")
    return {
        "number": group(row["device"]),
        "name": row["name"],
        "place": row["site"],
        "state": _state(row),
        "seen": None if row["last_seen_ms"] is None else _time(row["last_seen_ms"]),
        "queue": queue if isinstance(queue, int) else None,
        "troubles": _troubles(telemetry),
    }


def _state(row: dict[str, Any]) -> str:
    """One word: what a person entered, if it is not "active"; else what the terminal shows."""
    if row["status"] != "active":
        return str(row["status"])
    return STANDINGS[standing(row["last_seen_ms"], row["last_status"], now_ms())]


def _troubles(telemetry: dict[str, Any]) -> list[dict[str, str]]:
    """What the terminal itself says is wrong: alarms, and readers that are not ready.

    `said` is in the current language, `own` in the terminal's words.
    """
    found = [
        {"said": saying.alarm(str(name)), "own": f"{name}: {detail}"[:200]}
        for name, detail in _object(telemetry.get("alarms")).items()
    ]
    for name, reader in _object(telemetry.get("readers")).items():
        state = _object(reader).get("state")
        if state != "ready":
            told = _(_READER_STATES.get(str(state), _READER_ELSE)) % {"name": str(name)[:40]}
            found.append({"said": told, "own": str(_object(reader).get("detail") or "")[:200]})
    return found[:5]


def _notices(conn: Connection) -> list[dict[str, Any]]:
    """What did not become a registration, counted by reason, and the last few in full."""
    counts = custody.headline(conn)
    latest = {
        "waiting": custody.listed_waiting(conn, limit=3),
        "rejected": custody.listed_rejected(conn, limit=3),
        "alarms": custody.listed_alarms(conn, limit=3),
    }
    return [
        {
            "kind": kind,
            "what": _what(kind, sum(by_reason.values())),
            "count": _at_most(sum(by_reason.values())),
            "reasons": _reasons(
                {alarms.kind(each): count for each, count in by_reason.items()}
                if kind == "alarms"
                else by_reason
            ),
            "latest": [
                {
                    "device": _numbered(row["device"]),
                    "detail": _told(kind, row["detail"])[:200],
                    "language": language.get() if kind == "alarms" else "en",
                }
                for row in latest[kind]
            ],
        }
        for kind, by_reason in counts.items()
    ]


def _told(kind: str, detail: str) -> str:
    """What an alarm says; what the operator is told of a record or a message is in English."""
    return alarms.told(detail) if kind == "alarms" else detail


def _what(kind: str, count: int) -> str:
    if kind == "alarms":
        return ngettext("alarm", "alarms", count)
    return _("waiting") if kind == "waiting" else _("rejected")


def _reasons(counts: dict[str, int]) -> list[str]:
    if len(counts) == 1:
        return list(counts)
    return [f"{_at_most(count)} {reason}" for reason, count in counts.items()]


def _at_most(count: int) -> str:
    return f"{custody.COUNTED}+" if count >= custody.COUNTED else str(count)


def _numbered(device: str | None) -> str:
    """A device number as printed; what a topic claims may be none, and is shown as it is."""
    if device is None:
        return ""
    return group(device) if len(device) == 11 else device[:40]


def _time(ms: int) -> dict[str, str]:
    moment = local(ms)
    offset = f"{moment:%z}"
    return {
        "clock": f"{moment:%H:%M:%S}",
        "offset": f"{offset[:3]}:{offset[3:]}",
        "day": formats.day(moment),
        "iso": moment.isoformat(timespec="milliseconds"),
    }


def _object(value: Any) -> dict[str, Any]:
    """A JSON object, whatever a terminal sent in its place."""
    return value if isinstance(value, dict) else {}
