"""Attributing again what a change concerns: a badge linked later, an assignment entered late."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from cloud.interpretation import people
from cloud.interpretation.attribution import attribute
from cloud.interpretation.places import Places
from cloud.interpretation.times import When
from cloud.interpretation.writing import change
from cloud.registrations.dating import dated_ms
from cloud.registrations.reasons import Reason
from cloud.registrations.tables import reattribution, registrations
from cloud.workers.tables import badges


def reattribute_some(conn: Connection, limit: int) -> bool:
    """Serve the oldest request, up to `limit` registrations; whether there was one.

    The request moves on to the first registration not served, and goes when there is none.
    """
    request = conn.execute(select(reattribution).order_by(reattribution.c.id).limit(1)).first()
    if request is None:
        return False
    query = select(registrations).order_by(registrations.c.tapped_ms, registrations.c.id)
    if request.terminal_id is not None:
        query = query.where(registrations.c.terminal_id == request.terminal_id)
    if request.badge_id is not None:
        query = query.where(registrations.c.badge_id == request.badge_id)
    if request.from_ms is not None:
        query = query.where(registrations.c.tapped_ms >= request.from_ms)
    rows = conn.execute(query.limit(limit + 1)).mappings().all()
    served, rest = rows[:limit], rows[limit:]
    if rest and rest[0]["tapped_ms"] == served[0]["tapped_ms"]:
        # So many taps in one millisecond never come from one terminal; take them whole.
        served, rest = conn.execute(query).mappings().all(), []
    attribute_again(conn, served, request.why)
    same = reattribution.c.id == request.id
    if rest:
        conn.execute(update(reattribution).where(same).values(from_ms=rest[0]["tapped_ms"]))
    else:
        conn.execute(delete(reattribution).where(same))
    return True


def drop_oldest(conn: Connection) -> None:
    """Take the oldest request away unserved."""
    oldest = select(reattribution.c.id).order_by(reattribution.c.id).limit(1).scalar_subquery()
    conn.execute(delete(reattribution).where(reattribution.c.id == oldest))


def attribute_again(
    conn: Connection, rows: Sequence[Any], why: str, moved: Mapping[int, When] | None = None
) -> None:
    """Attribute registrations by what is known now; `moved` gives some their time, by id."""
    if not rows:
        return
    known = _people(conn, {row["badge_id"] for row in rows})
    places = Places(conn, {row["terminal_id"] for row in rows})
    wanted = []
    for row in rows:
        before = (row["reason"] or "").split()
        when = moved.get(row["id"]) if moved else None
        tapped_ms = row["tapped_ms"] if when is None else when.tapped_ms
        latest_ms = row["latest_ms"] if when is None else when.latest_ms
        found = attribute(
            known[row["badge_id"]],
            places.at(row["terminal_id"], tapped_ms),
            tapped_ms,
            dated_ms=dated_ms(tapped_ms, latest_ms, row["received_ms"]),
            clock_unsure=when is None and Reason.CLOCK_UNSURE in before,
            disputed=Reason.DISPUTED in before,
            row=row,
        )
        values = {name: getattr(found, name) for name in found.__struct_fields__}
        if when is not None:
            values |= {
                "tapped_ms": when.tapped_ms,
                "earliest_ms": when.earliest_ms,
                "latest_ms": when.latest_ms,
                "corrected": when.corrected,
            }
        wanted.append((row, values))
    change(conn, wanted, why)


def _people(conn: Connection, badge_ids: set[int]) -> dict[int, people.Person]:
    found: dict[int, Any] = {}
    wanted = sorted(badge_ids)
    for start in range(0, len(wanted), 500):
        query = people.badge_query().where(badges.c.id.in_(wanted[start : start + 500]))
        found |= {row.id: row for row in conn.execute(query)}
    return people.people(conn, found)
