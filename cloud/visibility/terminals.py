"""Why a terminal, or what it registered, is not visible."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from cloud.companies.tables import divisions, sites
from cloud.custody.branches import is_attributed
from cloud.custody.tables import alarms, epochs, rejected, waiting
from cloud.errors import InvalidError
from cloud.terminals.tables import assignments, terminals
from cloud.times import now_ms, rfc3339
from cloud.visibility.explain import Explanation, active_company, elsewhere
from cloud.visibility.row_security import lifted
from cloud.visibility.rules import Viewer, visible_terminals
from cloud.visibility.steps import Mender, Step, note, ok, stop
from protocol.identity import group, parse_device_number

SILENT_MS = 3_600_000
"""A terminal says how it is every minute; silent for this long, something is wrong."""


def explain(conn: Connection, seen_by: Viewer, device: str) -> Explanation:
    """Why the terminal with this device number is not visible. Raises InvalidError."""
    try:
        number = parse_device_number(device)
    except ValueError as error:
        raise InvalidError(str(error)) from None
    with lifted(conn):
        steps = [active_company(conn, seen_by)]
        row = conn.execute(
            select(terminals).where(terminals.c.device == number, visible_terminals(seen_by))
        ).one_or_none()
        if row is None:
            steps.append(_hidden(conn, seen_by, number))
        else:
            steps.extend(_condition(conn, row))
    return Explanation(tuple(steps))


def _hidden(conn: Connection, seen_by: Viewer, device: str) -> Step:
    """Why it is on no list; of a terminal of others only that it is theirs."""
    shown = group(device)
    terminal = conn.execute(select(terminals.c.id).where(terminals.c.device == device)).scalar()
    if terminal is None:
        return stop(
            "terminal",
            "No terminal {device} is registered.",
            "Check the number on the terminal; if it is right, enrol the terminal.",
            Mender.ADMINISTRATOR,
            device=shown,
        )
    place = conn.execute(
        select(divisions.c.company_id, divisions.c.name, sites.c.name)
        .select_from(assignments)
        .join(sites, sites.c.id == assignments.c.site_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(assignments.c.terminal_id == terminal)
        .order_by(assignments.c.from_ms.desc())
        .limit(1)
    ).one_or_none()
    if place is None:
        return stop(
            "terminal",
            "Terminal {device} is linked to no company yet.",
            "Assign it to a site.",
            Mender.ADMINISTRATOR,
            device=shown,
        )
    company, division, site = place
    if company == seen_by.company_id:
        return _not_granted(seen_by, shown, division, site)
    for name, other in elsewhere(conn, seen_by):
        if other.company_id == company:
            return stop(
                "terminal",
                "Terminal {device} is linked to {other}.",
                "Switch to {other}.",
                Mender.YOU,
                device=shown,
                other=name,
            )
    return stop(
        "terminal",
        "Terminal {device} is linked to another company.",
        "If it is yours, have the operator move it.",
        Mender.OPERATOR,
        device=shown,
    )


def _not_granted(seen_by: Viewer, device: str, division: str, site: str) -> Step:
    if seen_by.external:
        return stop(
            "access",
            "Terminal {device} stands at a site that is not granted to you.",
            "Ask the company's administrator for access.",
            Mender.ADMINISTRATOR,
            device=device,
        )
    return stop(
        "access",
        "Terminal {device} stands at {division} / {site}, which is not granted to you.",
        "Ask for access to the division or the site.",
        Mender.ADMINISTRATOR,
        device=device,
        division=division,
        site=site,
    )


def _condition(conn: Connection, row: Row[Any]) -> Iterator[Step]:
    shown = group(row.device)
    if row.status == "active":
        yield ok("terminal", "Terminal {device} is on the list of active ones.", device=shown)
    else:
        yield stop(
            "terminal",
            "Terminal {device} is {status}.",
            "Make it active again, if that is wrong.",
            Mender.ADMINISTRATOR,
            device=shown,
            status=row.status,
        )
    yield _place(conn, row.id)
    yield _last_seen(row)
    told = _object(_object(_json(row.last_status)).get("telemetry"))
    yield from _clock(told)
    yield from _queue(told)
    yield from _custody(conn, row)


def _place(conn: Connection, terminal_id: int) -> Step:
    now = now_ms()
    last = conn.execute(
        select(divisions.c.name, sites.c.name, assignments.c.from_ms, assignments.c.to_ms)
        .select_from(assignments)
        .join(sites, sites.c.id == assignments.c.site_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(assignments.c.terminal_id == terminal_id)
        .order_by(assignments.c.from_ms.desc())
        .limit(1)
    ).one()
    division, site, from_ms, to_ms = last
    place = f"{division} / {site}"
    if to_ms is not None and to_ms <= now:
        return stop(
            "place",
            "It stood at {place} until {when}, and nowhere since.",
            "Assign it to a site, from the date it was put there.",
            Mender.ADMINISTRATOR,
            place=place,
            when=rfc3339(to_ms),
        )
    if from_ms > now:
        return stop(
            "place",
            "It will stand at {place} from {when} on; what it registers before belongs nowhere.",
            "Assign it from an earlier date, if that is wrong.",
            Mender.ADMINISTRATOR,
            place=place,
            when=rfc3339(from_ms),
        )
    since = "always" if from_ms == 0 else rfc3339(from_ms)
    return ok("place", "It stands at {place} since {since}.", place=place, since=since)


def _last_seen(row: Row[Any]) -> Step:
    if row.last_seen_ms is None:
        return stop(
            "activity",
            "It was never heard of.",
            "Check its power and network; run `pointeuse agent doctor` on it.",
            Mender.INSTALLER,
        )
    when = f"{rfc3339(row.last_seen_ms)} (UTC {_utc(row.last_seen_ms)})"
    if now_ms() - row.last_seen_ms > SILENT_MS:
        return stop(
            "activity",
            "It is silent since {when}: what was registered since is still on it.",
            "Check its power and network; nothing is lost meanwhile.",
            Mender.INSTALLER,
            when=when,
        )
    return ok("activity", "It was heard of last at {when}.", when=when)


def _clock(told: dict[str, Any]) -> Iterator[Step]:
    sync = _object(told.get("clock")).get("sync")
    if sync == "unset":
        yield note(
            "clock",
            "Its clock is not set: times are corrected once it is.",
            "Give it a network that lets NTP pass.",
            Mender.INSTALLER,
        )
    elif sync in ("set", "synchronised"):
        yield ok("clock", "Its clock is {sync}.", sync=sync)


def _queue(told: dict[str, Any]) -> Iterator[Step]:
    queue = told.get("queue")
    if isinstance(queue, int) and queue > 0:
        yield note(
            "queue",
            "{queue} records were still on it when it last told.",
            "They come by themselves once the network lets them.",
            Mender.NOBODY,
            queue=queue,
        )


def _custody(conn: Connection, row: Row[Any]) -> Iterator[Step]:
    behind = conn.execute(
        select(func.sum(epochs.c.head_seq - epochs.c.interpreted_seq)).where(
            epochs.c.terminal_id == row.id, is_attributed()
        )
    ).scalar()
    if behind:
        yield note(
            "custody",
            "{behind} records were received and are being read.",
            "Look again in a moment.",
            Mender.NOBODY,
            behind=int(behind),
        )
    unread = conn.execute(
        select(waiting.c.reason, func.count())
        .join(epochs, epochs.c.id == waiting.c.epoch_id)
        .where(epochs.c.terminal_id == row.id)
        .group_by(waiting.c.reason)
        .order_by(waiting.c.reason)
    ).all()
    for reason, count in unread:
        yield stop(
            "custody",
            "{count} records are kept but not understood: {reason}.",
            "They are tried again by themselves; the operator sees the cause.",
            Mender.OPERATOR,
            count=count,
            reason=reason,
        )
    refused = conn.execute(
        select(func.count()).select_from(rejected).where(rejected.c.device == row.device)
    ).scalar_one()
    if refused:
        yield note(
            "rejected",
            "{count} messages in its name were refused.",
            "The operator sees why each was.",
            Mender.OPERATOR,
            count=refused,
        )
    standing = conn.execute(
        select(alarms.c.kind)
        .where(alarms.c.terminal_id == row.id, alarms.c.cleared_ms.is_(None))
        .distinct()
        .order_by(alarms.c.kind)
    ).scalars()
    for kind in standing:
        yield note(
            "alarm",
            "An alarm stands: {kind}.",
            "The operator decides what becomes of it.",
            Mender.OPERATOR,
            kind=kind,
        )


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M")
