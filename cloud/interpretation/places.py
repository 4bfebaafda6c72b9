"""Where a terminal stood at a moment: its assignment, and through it company, division, site."""

import bisect
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from cloud.companies.tables import divisions, sites
from cloud.rows import among
from cloud.terminals.tables import assignments


class Place(msgspec.Struct, frozen=True):
    """One assignment: from `from_ms` until before `to_ms`, at a site."""

    from_ms: int
    to_ms: int | None
    company_id: int
    division_id: int
    site_id: int


class Places:
    """The assignments of some terminals."""

    def __init__(self, conn: Connection, terminal_ids: Iterable[int]) -> None:
        self._of: dict[int, list[Place]] = {number: [] for number in terminal_ids}
        rows = conn.execute(
            select(
                assignments.c.terminal_id,
                assignments.c.from_ms,
                assignments.c.to_ms,
                divisions.c.company_id,
                divisions.c.id,
                sites.c.id,
            )
            .join(sites, sites.c.id == assignments.c.site_id)
            .join(divisions, divisions.c.id == sites.c.division_id)
            .where(among(conn, assignments.c.terminal_id, sorted(self._of)))
            .order_by(assignments.c.from_ms)
        )
        for terminal_id, *columns in rows:
            self._of[terminal_id].append(Place(*columns))

    def at(self, terminal_id: int, moment_ms: int) -> Place | None:
        """The assignment that held at a moment, if one did."""
        found = self._of[terminal_id]
        index = bisect.bisect_right(found, moment_ms, key=lambda place: place.from_ms) - 1
        if index < 0:
            return None
        place = found[index]
        return place if place.to_ms is None or moment_ms < place.to_ms else None
