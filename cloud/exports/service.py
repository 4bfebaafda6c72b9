"""Making exports: numbered snapshots, each going on from the one before of the same scope.

A snapshot is kept as it was made, but for persons who were erased since or are restricted. The next
one has what was registered since, what was attributed or dated anew since, what is visible no more,
and the corrections entered or decided since.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from cloud.audit.service import Actor, note
from cloud.errors import ConflictError
from cloud.exports import withdrawing
from cloud.exports.completeness import incomplete
from cloud.exports.tables import export_parts, exports, withdrawals
from cloud.languages.current import gettext as _
from cloud.registrations import queries
from cloud.registrations.corrections import since as corrections_since
from cloud.registrations.corrections import state
from cloud.registrations.tables import (
    registration_corrections,
    registration_history,
    registrations,
)
from cloud.times import now_ms, rfc3339
from cloud.visibility import row_security
from cloud.visibility.rules import Viewer, visible_registrations

_HOUR_MS = 3_600_000
_MARGIN_MS = 60_000
"""What a transaction dated before the last snapshot may have committed after it: told once more."""
_ROWS = 5_000


def scope(who: Viewer) -> str:
    """What of the company somebody sees: snapshots of one scope go on from each other."""
    if who.whole:
        return json.dumps({"whole": True})
    return json.dumps({"divisions": sorted(who.divisions), "sites": sorted(who.sites)})


def make(
    reading: Engine,
    writing: Engine,
    who: Viewer,
    actor: Actor,
    *,
    whole: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    finishing: Callable[[Connection, int], None] = lambda *_: None,
) -> int:
    """Make the next snapshot of what somebody sees; its id.

    It goes on from the one before, or holds everything anew if it is to be `whole`. `progress` is
    told the rows so far; `finishing` the id, in the transaction that makes it one. Raises
    ConflictError when somebody makes one this moment.
    """
    at_ms = now_ms()
    until_ms = at_ms - at_ms % _HOUR_MS
    with writing.begin() as conn:
        if conn.dialect.name == "postgresql":
            # An id that was given to a transaction that is not committed would be missed for ever:
            # this waits for those, and has the next ones wait until the greatest id is read.
            conn.execute(text("LOCK TABLE registrations IN SHARE MODE"))
        last = conn.execute(select(func.coalesce(func.max(registrations.c.id), 0))).scalar_one()
    with reading.connect() as conn:
        row_security.enter(conn, who)
        before = None if whole else conn.execute(_last(who)).one_or_none()
        missing = incomplete(conn, who, until_ms, None if before is None else before.at_ms)
    # Before anything of it is read: whoever takes persons out of snapshots waits for this one.
    export, before = _begin(writing, who, actor, last, at_ms, until_ms, missing, whole=whole)
    with reading.connect() as conn:
        row_security.enter(conn, who)
        count = 0
        for part, rows in enumerate(_batches(_rows(conn, who, last, before))):
            lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            with writing.begin() as out:
                out.execute(
                    insert(export_parts).values(
                        export_id=export,
                        part=part,
                        content=zlib.compress(lines.encode()),
                        **withdrawing.noted(rows),
                    )
                )
            count += len(rows)
            progress(count)
    with writing.begin() as out:
        out.execute(
            update(exports).where(exports.c.id == export).values(rows=count, finished_ms=now_ms())
        )
        note(
            out, actor, "export", "make",
            company_id=who.company_id, target_id=export, detail={"rows": count},
        )  # fmt: skip
        finishing(out, export)
    return export


def _begin(
    writing: Engine,
    who: Viewer,
    actor: Actor,
    last: int,
    at_ms: int,
    until_ms: int,
    missing: list[dict[str, Any]],
    *,
    whole: bool,
) -> tuple[int, Any]:
    """The id of the new snapshot, and the one it goes on from; None: it is whole."""
    ours = exports.c.company_id == who.company_id
    with writing.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("LOCK TABLE exports IN SHARE ROW EXCLUSIVE MODE"))
        before = conn.execute(_last(who)).one_or_none()
        if before is not None and before.at_ms >= at_ms:
            raise ConflictError(_("a snapshot was made this very moment; make another one later"))
        if whole:
            before = None
        number = conn.execute(
            select(func.coalesce(func.max(exports.c.number), 0) + 1).where(ours)
        ).scalar_one()
        correction = func.coalesce(func.max(registration_corrections.c.id), 0)
        made = insert(exports).values(
            company_id=who.company_id,
            number=number,
            scope=scope(who),
            since_number=None if before is None else before.number,
            last_registration=last,
            last_correction=select(correction).scalar_subquery(),
            last_decision_ms=at_ms,
            until_ms=until_ms,
            incomplete=json.dumps(missing),
            account_id=actor.account_id,
            at_ms=at_ms,
        )
        return int(conn.execute(made.returning(exports.c.id)).scalar_one()), before


def _last(who: Viewer) -> Select[Any]:
    """The last snapshot of what somebody sees."""
    mine = exports.c.company_id == who.company_id, exports.c.scope == scope(who)
    finished = select(exports).where(*mine, exports.c.finished_ms.is_not(None))
    return finished.order_by(exports.c.number.desc()).limit(1)


def _rows(conn: Connection, who: Viewer, last: int, before: Any) -> Iterator[dict[str, Any]]:
    visible = visible_registrations(who)
    since = 0 if before is None else before.last_registration
    if before is not None:
        anew = select(registration_history.c.registration_id).where(
            registration_history.c.at_ms >= before.at_ms - _MARGIN_MS
        )
        told = registrations.c.id <= since
        changed = queries.in_order(conn, visible, told, registrations.c.id.in_(anew))
        yield from _told("changed", changed)
        gone = anew.where(
            _was_visible(who),
            registration_history.c.registration_id <= since,
            registration_history.c.registration_id.not_in(
                select(registrations.c.id).where(visible)
            ),
        ).distinct()
        # The row security of a reader hides the history of what it does not see any more.
        with row_security.lifted(conn):
            numbers = conn.execute(gone.order_by(registration_history.c.registration_id))
            withdrawn = numbers.scalars().all()
            shown_no_more = withdrawing.since(
                conn,
                _was_shown(who),
                before.at_ms - _MARGIN_MS,
                since,
                before.last_correction,
            )
        told_of = {row.number for row in shown_no_more if row.what == "registration"}
        for number in withdrawn:
            if number not in told_of:
                yield {"line": "gone", "registration": number}
        for row in shown_no_more:
            yield {"line": "erased" if row.erased else "restricted", row.what: row.number}
    added = (registrations.c.id > since, registrations.c.id <= last)
    yield from _told("new", queries.in_order(conn, visible, *added))
    since_ms = None if before is None else before.at_ms - _MARGIN_MS
    for row in corrections_since(conn, who, since_ms):
        yield {
            "line": "correction",
            "correction": row["id"],
            "registration": row["registration_id"],
            "tapped_at": rfc3339(row["tapped_ms"]),
            "direction": row["direction"],
            "worker": f"{row['given_name']} {row['family_name']}",
            "division": row["division"],
            "site": row["site"],
            "kind": row["kind"],
            "state": str(state(row)),
            "entered_by": row["entered_by"],
            "entered_at": rfc3339(row["at_ms"]),
            "approved_by": row["decided_by"],
            "why": row["reason"],
        }


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(rows, _ROWS)):
        yield some


def _was_visible(who: Viewer) -> ColumnElement[bool]:
    """SITE and EMPLOYER of `cloud.visibility.rules`, of what a registration was before."""
    was = registration_history.c
    here = was.company_id == who.company_id
    if who.whole:
        return or_(here, was.employer_id == who.company_id)
    granted = or_(was.division_id.in_(sorted(who.divisions)), was.site_id.in_(sorted(who.sites)))
    return and_(here, granted)


def _was_shown(who: Viewer) -> ColumnElement[bool]:
    """SITE and EMPLOYER, of what the company is shown no more."""
    was = withdrawals.c
    ours = was.company_id == who.company_id
    if who.whole:
        return ours
    return ours & or_(
        was.division_id.in_(sorted(who.divisions)), was.site_id.in_(sorted(who.sites))
    )


def _told(line: str, rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        said = queries.as_json(row)
        yield {
            "line": line,
            "registration": said["id"],
            **{
                name: said[name]
                for name in (
                    "tapped_at", "direction", "worker", "employer", "company", "division", "site",
                    "device", "badge", "assurance", "received_at", "earliest", "latest",
                )
            },
            "clock_corrected": "yes" if said["corrected"] else "",
            "remarks": ", ".join(said["remarks"]),
            "reason": said["reason"],
            "version": row["version"],
        }  # fmt: skip
