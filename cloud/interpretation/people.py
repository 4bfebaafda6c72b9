"""Whose badge it is, and for whom that person works: looked up for many taps at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from cloud.companies.service import private_companies
from cloud.interpretation.employers import INVALID, employer_vat
from cloud.languages.current import mark
from cloud.registrations import reattribution
from cloud.rows import among, insert_absent
from cloud.times import now_ms
from cloud.workers.tables import badges, former_holders, restrictions, workers
from protocol.badges import Badge

_CHUNK = 400
_MEMORY = 50_000
_NO_EMPLOYER = {"employer-unknown", "employer-invalid"}


class Person(msgspec.Struct, frozen=True):
    """What is known of a badge. `reasons` say what is missing."""

    badge_id: int
    worker_id: int | None
    employer_id: int | None
    valid_from_ms: int | None
    valid_until_ms: int | None
    reasons: tuple[str, ...]
    former: tuple[tuple[int, "Person"], ...] = ()
    """Whose it was until when, who is restricted since; the earliest first."""
    restrictions: tuple[tuple[int, int, int], ...] = ()
    """Worker, company that shows nothing of it, and up to when, of all of them."""

    def at(self, tapped_ms: int) -> "Person":
        """What is known of who held it at a moment."""
        return next((who for until_ms, who in self.former if tapped_ms <= until_ms), self)

    def restricted(self, worker_id: int | None, tapped_ms: int) -> frozenset[int]:
        """The companies that show nothing of what a worker tapped at a moment."""
        return frozenset(
            company
            for worker, company, until_ms in self.restrictions
            if worker == worker_id and tapped_ms <= until_ms
        )


class People:
    """What is known of badges, remembered between turns.

    Whatever changes what is known (a badge linked, a worker made inactive) asks for re-attribution
    in its own transaction. So a memory that is out of date writes nothing that is not attributed
    again; it is to be cleared whenever a request is served.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Person] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()

    def know(self, conn: Connection, found: Sequence[Badge]) -> Mapping[tuple[str, str], Person]:
        """Enter badges that are new; what is known of each, by profile and number."""
        new = [
            badge
            for badge in found
            # A badge may tell its employer at a later reading than its first.
            if (badge.profile, badge.number) not in self._known
            or (
                badge.employer
                and _NO_EMPLOYER & set(self._known[badge.profile, badge.number].reasons)
            )
        ]
        if new:
            if len(self._known) > _MEMORY:
                self._known.clear()
                new = list(found)
            self._known |= _know(conn, new)
        return self._known


def _know(conn: Connection, found: Iterable[Badge]) -> dict[tuple[str, str], Person]:
    employers: dict[tuple[str, str], str | None] = {}
    for badge in found:
        employers[badge.profile, badge.number] = badge.employer or employers.get(
            (badge.profile, badge.number)
        )
    keys = sorted(employers)
    rows = _rows(conn, keys)
    _enter(conn, [key for key in keys if key not in rows], employers)
    _note_employers(conn, rows, employers)
    return people(conn, _rows(conn, keys))


def people(conn: Connection, rows: Mapping[Any, Any]) -> dict[Any, Person]:
    """What is known of badge rows; an employer nobody registered becomes a private company."""
    vats = {row.employer_vat for row in rows.values() if row.worker_id is None}
    by_vat = private_companies(conn, {vat for vat in vats if vat and not vat.startswith(INVALID)})
    found = {key: _person(row, by_vat) for key, row in rows.items()}
    former = _former(conn, [person.badge_id for person in found.values()])
    asked = _restrictions(
        conn,
        {person.worker_id for person in found.values()}
        | {who.worker_id for each in former.values() for _, who in each},
    )
    if not asked:
        return found
    return {
        key: _restricted(person, former.get(person.badge_id, []), asked)
        for key, person in found.items()
    }


def _restricted(
    person: Person, former: Sequence[tuple[int, Person]], asked: Sequence[tuple[int, int, int]]
) -> Person:
    """The same with whose badge it was before, and what is restricted of them all."""
    workers_of = {person.worker_id, *(who.worker_id for _, who in former)}
    mine = tuple(each for each in asked if each[0] in workers_of)
    return msgspec.structs.replace(person, former=tuple(former), restrictions=mine)


def _former(conn: Connection, badge_ids: Sequence[int]) -> dict[int, list[tuple[int, Person]]]:
    """Whose badges were until when, by badge."""
    rows = conn.execute(
        select(
            former_holders.c.badge_id.label("id"),
            former_holders.c.until_ms,
            former_holders.c.worker_id,
            former_holders.c.valid_from_ms,
            former_holders.c.valid_until_ms,
            badges.c.employer_vat,
            workers.c.company_id,
            workers.c.active,
        )
        .join(badges, badges.c.id == former_holders.c.badge_id)
        .join(workers, workers.c.id == former_holders.c.worker_id)
        .where(among(conn, former_holders.c.badge_id, badge_ids))
        .order_by(former_holders.c.badge_id, former_holders.c.until_ms)
    )
    found: dict[int, list[tuple[int, Person]]] = {}
    for row in rows:
        found.setdefault(row.id, []).append((row.until_ms, _person(row, {})))
    return found


def _restrictions(
    conn: Connection, worker_ids: Iterable[int | None]
) -> tuple[tuple[int, int, int], ...]:
    """What is restricted of workers: each, the company and up to when."""
    ids = sorted(each for each in worker_ids if each is not None)
    rows = conn.execute(
        select(restrictions.c.worker_id, restrictions.c.company_id, restrictions.c.until_ms).where(
            among(conn, restrictions.c.worker_id, ids)
        )
    )
    return tuple(tuple(row) for row in rows)


def badge_query() -> Any:
    """The columns `people` needs."""
    return (
        select(
            badges.c.id,
            badges.c.profile,
            badges.c.number,
            badges.c.worker_id,
            badges.c.employer_vat,
            badges.c.valid_from_ms,
            badges.c.valid_until_ms,
            workers.c.company_id,
            workers.c.active,
        )
        .select_from(badges)
        .outerjoin(workers, workers.c.id == badges.c.worker_id)
    )


def _person(row: Any, by_vat: Mapping[str, int]) -> Person:
    reasons = []
    employer_id = row.company_id
    if row.worker_id is None:
        reasons.append("badge-unlinked")
        if row.employer_vat is None:
            reasons.append("employer-unknown")
        elif row.employer_vat.startswith(INVALID):
            reasons.append("employer-invalid")
        else:
            employer_id = by_vat[row.employer_vat]
    elif not row.active:
        reasons.append("worker-inactive")
    return Person(
        row.id,
        row.worker_id,
        employer_id,
        row.valid_from_ms,
        row.valid_until_ms,
        tuple(reasons),
    )


def _rows(conn: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    # By profile: for pairs in a list SQLite knows no index, and reads every badge there is.
    numbers: dict[str, list[str]] = {}
    for profile, number in keys:
        numbers.setdefault(profile, []).append(number)
    found: dict[tuple[str, str], Any] = {}
    for profile, wanted in numbers.items():
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            query = badge_query().where(badges.c.profile == profile, badges.c.number.in_(part))
            found |= {(row.profile, row.number): row for row in conn.execute(query)}
    return found


def _enter(
    conn: Connection,
    keys: Sequence[tuple[str, str]],
    employers: Mapping[tuple[str, str], str | None],
) -> None:
    if not keys:
        return
    now = now_ms()
    insert_absent(
        conn,
        badges,
        [
            {
                "profile": profile,
                "number": number,
                "employer_vat": employer_vat(employers[profile, number]),
                "first_seen_ms": now,
            }
            for profile, number in keys
        ],
        ["profile", "number"],
    )


def _note_employers(
    conn: Connection,
    rows: Mapping[tuple[str, str], Any],
    employers: Mapping[tuple[str, str], str | None],
) -> None:
    """A badge learns its employer from the first reading that tells one that can be.

    What was registered with it before is attributed again.
    """
    for key, row in rows.items():
        vat = employer_vat(employers[key])
        if vat is None or vat == row.employer_vat:
            continue
        told = row.employer_vat is not None and not row.employer_vat.startswith(INVALID)
        if told or (row.employer_vat is not None and vat.startswith(INVALID)):
            continue
        conn.execute(update(badges).where(badges.c.id == row.id).values(employer_vat=vat))
        reattribution.request(conn, badge_id=row.id, why=mark("the badge told its employer"))
