"""What at the sites that are reached may still be on its way, or has no name.

It is said beside what is known of a worker, since the tap that somebody misses may be there.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Subquery, case, func, or_, select, union_all

from cloud.accounts.scopes import Scope
from cloud.companies.tables import companies, sites
from cloud.registrations.tables import registrations
from cloud.terminals.queries import readable
from cloud.terminals.tables import assignments, terminals
from cloud.times import now_ms
from cloud.visibility.condition import SILENT_MS
from cloud.visibility.period import Period
from cloud.visibility.rules import Viewer, visible_registrations, visible_sites
from cloud.visibility.steps import Mender, Step, note, some
from protocol.identity import group

_TERMINALS = 200
_SITES = 20
_TAPS = 1000
"""So many are looked at: of the sites the newest that are open, of taps as many at each site."""


def unsent(conn: Connection, seen_by: Viewer, period: Period) -> Iterator[Step]:
    """Terminals at the sites that are silent, or told of records that are not received yet."""
    if not seen_by.reads(Scope.TERMINALS_READ):
        return
    standing = _standing(conn, seen_by, period)
    silent = [row for row in standing if _is_silent(row, period)]
    if silent:
        yield note(
            "activity",
            "These terminals at the sites you reach are silent: {terminals}. What was registered on"
            " them since is still there.",
            "Check their power and network; nothing is lost meanwhile.",
            Mender.ADMINISTRATOR,
            terminals=some([group(row["device"]) for row in silent]),
        )
    telling = {row["device"]: _queue(row) for row in standing if not _is_silent(row, period)}
    filled = {device: queue for device, queue in telling.items() if queue}
    if filled:
        yield note(
            "queue",
            "{queue} records were still on these terminals when they last told: {terminals}.",
            "They come by themselves once the network lets them.",
            Mender.NOBODY,
            queue=sum(filled.values()),
            terminals=some([group(device) for device in filled]),
        )


def nameless(conn: Connection, seen_by: Viewer, period: Period) -> Iterator[Step]:
    """Taps at the sites with badges that belong to no worker: how many, and nothing else."""
    if not seen_by.reads(Scope.REGISTRATIONS_READ):
        return
    taps, private = _of_nobody(conn, seen_by, period)
    if taps:
        yield note(
            "badge",
            "At least {count} registrations of this period at the sites you reach were made with"
            " badges that belong to nobody.",
            "Look for the remark “badge of nobody” among the registrations; if one of the badges is"
            " the worker's, link it.",
            Mender.ADMINISTRATOR,
            count=taps,
        )
    if private:
        yield note(
            "employer",
            "{count} of them name an employer that nobody registered: a private company, whose"
            " workers have no names here.",
            "They have names once the employer registers and links the badges.",
            Mender.NOBODY,
            count=private,
        )


def _standing(conn: Connection, seen_by: Viewer, period: Period) -> list[dict[str, Any]]:
    """Active terminals that stand at a site that is reached; `since_ms` says from when."""
    now = now_ms()
    query = (
        select(
            terminals.c.device,
            terminals.c.last_seen_ms,
            terminals.c.last_status,
            assignments.c.from_ms.label("since_ms"),
        )
        .join(assignments, assignments.c.terminal_id == terminals.c.id)
        .where(
            terminals.c.status == "active",
            assignments.c.from_ms <= now,
            or_(assignments.c.to_ms.is_(None), assignments.c.to_ms > now),
            assignments.c.site_id.in_(select(sites.c.id).where(visible_sites(seen_by))),
        )
        .order_by(terminals.c.id)
        .limit(_TERMINALS)
    )
    if period.until_ms is not None:
        query = query.where(assignments.c.from_ms < period.until_ms)
    return [readable(dict(row)) for row in conn.execute(query).mappings()]


def _is_silent(row: dict[str, Any], period: Period) -> bool:
    """Whether it was not heard of lately, nor after the period."""
    heard = row["last_seen_ms"]
    if heard is None:
        return True
    after = period.until_ms is not None and heard >= period.until_ms
    return not after and now_ms() - heard > SILENT_MS


def _queue(row: dict[str, Any]) -> int:
    """How many records it told of. What it told elsewhere before is not said here: TERMINAL."""
    telemetry = row["last_status"].get("telemetry")
    queue = telemetry.get("queue") if isinstance(telemetry, dict) else None
    told_here = (row["last_seen_ms"] or 0) >= row["since_ms"]
    return queue if told_here and isinstance(queue, int) and queue > 0 else 0


def _of_nobody(conn: Connection, seen_by: Viewer, period: Period) -> tuple[int, int]:
    """How many of the newest taps at the sites are nobody's, and how many name a private company.

    How many are looked at does not grow with the sites, nor with what was registered there.
    """
    reached = conn.execute(
        select(sites.c.id)
        .where(visible_sites(seen_by))
        .order_by(sites.c.closed_ms.is_not(None), sites.c.id.desc())
        .limit(_SITES)
    ).scalars()
    places = reached.all()
    if not places:
        return 0, 0
    each = [_newest(place, period, _TAPS // len(places)) for place in places]
    taps = union_all(*(select(one) for one in each)).subquery("taps")
    private = func.sum(case((companies.c.private, 1), else_=0))
    found = conn.execute(
        select(func.count(), func.coalesce(private, 0))
        .select_from(taps)
        .outerjoin(companies, companies.c.id == taps.c.employer_id)
        .where(taps.c.worker_id.is_(None), visible_registrations(seen_by, taps))
    ).one()
    return int(found[0]), int(found[1])


def _newest(site: int, period: Period, limit: int) -> Subquery:
    """The newest taps at one site, with all that the rules ask.

    The rules are asked of them afterwards: with a condition that it thinks few meet, the database
    reads all of the site, where its index gives the newest at once.
    """
    asked = ("worker_id", "company_id", "employer_id", "division_id", "site_id")
    return (
        select(*(registrations.c[name] for name in (*asked, "site_let_go", "employer_let_go")))
        .where(registrations.c.site_id == site, period.condition())
        .order_by(registrations.c.tapped_ms.desc())
        .limit(limit)
        .subquery()
    )
