"""Corrections: what people enter beside registrations, which themselves are never changed.

A correction adds a tap that is missing, takes one out of account, or says which way it went. It is
signed off by whoever enters it, at once; or, when a second sign-off is asked for, counts from when
somebody else approves. It holds for the company whose people, or programs, enter it.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, insert, or_, select

from cloud import text
from cloud.audit.service import Actor, note
from cloud.companies.tables import sites
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.registrations.corrections import found, one
from cloud.registrations.tables import (
    correction_decisions,
    registration_corrections,
    registrations,
)
from cloud.times import now_ms
from cloud.visibility.rules import Viewer, visible_registrations, visible_sites, visible_workers
from cloud.webhooks import outbox
from cloud.webhooks.events import Event
from cloud.workers.tables import workers

_corrections = registration_corrections
DIRECTIONS = ("in", "out", "break-start", "break-end")
"""Which way a tap may be said to have gone."""


def add(
    conn: Connection,
    who: Viewer,
    actor: Actor,
    *,
    worker: int,
    site: int,
    at_ms: int,
    direction: str,
    reason: str,
    second: bool,
) -> int:
    """Enter a tap that is missing; its correction's id.

    Raises NotFoundError for a worker or site that is not seen, InvalidError, ConflictError.
    """
    _may_enter(who, second=second)
    where = conn.execute(
        select(sites.c.id, sites.c.division_id).where(sites.c.id == site, visible_sites(who))
    ).one_or_none()
    if where is None:
        raise NotFoundError(_("There is no such site; choose one of the list."))
    known = select(workers.c.id).where(workers.c.id == worker)
    seen = select(registrations.c.id).where(
        registrations.c.worker_id == worker, visible_registrations(who)
    )
    known = known.where(or_(visible_workers(who), seen.exists())).with_for_update()
    if conn.execute(known).scalar() is None:
        raise NotFoundError(_("There is no such worker."))
    if direction not in DIRECTIONS:
        raise InvalidError(_("Say which way it went: in, out, break or back."))
    if at_ms > now_ms():
        raise InvalidError(_("That is in the future; give a time that has passed."))
    values = {
        "kind": "add",
        "registration_id": None,
        "worker_id": worker,
        "division_id": where.division_id,
        "site_id": site,
        "tapped_ms": at_ms,
        "direction": direction,
    }
    same = [_corrections.c[name] == values[name] for name in ("worker_id", "site_id", "tapped_ms")]
    if conn.execute(_stands(who, *same, _corrections.c.kind == "add")).first() is not None:
        raise ConflictError(_("A tap at that moment was entered already."))
    return _enter(conn, who, actor, values, reason, second=second)


def correct(
    conn: Connection,
    who: Viewer,
    actor: Actor,
    registration: int,
    *,
    direction: str | None,
    reason: str,
    second: bool,
) -> int:
    """Say which way a registration went, or with None that it is void; the correction's id.

    Raises NotFoundError for one that is not seen, InvalidError, ConflictError when it belongs to
    nobody, or is void, goes that way, or waits for a sign-off already.
    """
    _may_enter(who, second=second)
    row = conn.execute(
        select(registrations)
        .where(registrations.c.id == registration, visible_registrations(who))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("There is no registration %(number)s.") % {"number": registration})
    if row.worker_id is None:
        raise ConflictError(_("The badge belongs to nobody yet: link it to a worker first."))
    if direction is not None and direction not in DIRECTIONS:
        raise InvalidError(_("Say which way it went: in, out, break or back."))
    latest = conn.execute(
        _stands(who, _corrections.c.registration_id == registration)
        .order_by(_corrections.c.id.desc())
        .limit(1)
    ).first()
    if latest is not None and latest.second and latest.approved is None:
        raise ConflictError(_("A correction of it waits for a sign-off; decide about that first."))
    if direction == (row.direction if latest is None else latest.direction):
        raise ConflictError(_("That is what stands already; nothing was entered."))
    values = {
        "kind": "void" if direction is None else "direction",
        "registration_id": registration,
        "worker_id": row.worker_id,
        "division_id": row.division_id,
        "site_id": row.site_id,
        "tapped_ms": row.tapped_ms,
        "direction": direction,
    }
    return _enter(conn, who, actor, values, reason, second=second)


def decide(conn: Connection, who: Viewer, actor: Actor, correction: int, *, approve: bool) -> None:
    """Approve or refuse a correction that asks for it. Who proposed it refuses it at most.

    But for an administrator. Raises NotFoundError, ConflictError.
    """
    if not who.signs_off:
        raise _not_this_one_s()
    # Two may decide at once: the second one waits here, and then reads what the first decided.
    conn.execute(select(_corrections.c.id).where(_corrections.c.id == correction).with_for_update())
    row = one(conn, who, correction)
    if not row["second"] or row["approved"] is not None:
        raise ConflictError(_("It was decided already; nothing was changed."))
    own = (row["account_id"], row["token_id"]) == (who.account_id, who.token_id)
    if approve and own and not who.administers:
        raise ConflictError(_("You proposed it yourself: somebody else has to approve it."))
    conn.execute(
        insert(correction_decisions).values(
            correction_id=correction, approved=approve, at_ms=now_ms(), **_signer(who)
        )
    )
    action = "approve" if approve else "refuse"
    note(conn, actor, "correction", action, company_id=who.company_id, target_id=correction)
    event = Event.CORRECTION_APPROVED if approve else Event.CORRECTION_REFUSED
    outbox.tell(conn, event, who.company_id, [correction])


def _may_enter(who: Viewer, *, second: bool) -> None:
    if not who.corrects:
        raise _not_this_one_s()
    if not (second or who.signs_off):
        raise InvalidError(_("A program without corrections:decide asks for a second sign-off."))


def _not_this_one_s() -> NotFoundError:
    return NotFoundError(_("Only administrators and managers of the company correct; ask one."))


def _signer(who: Viewer) -> dict[str, int | None]:
    return {"account_id": who.account_id, "token_id": who.token_id}


def _stands(who: Viewer, *conditions: ColumnElement[bool]) -> Select[Any]:
    """The company's corrections that are not refused."""
    decided = correction_decisions.c.approved
    ours = _corrections.c.company_id == who.company_id
    return found().where(ours, or_(decided.is_(None), decided), *conditions)


def _enter(
    conn: Connection,
    who: Viewer,
    actor: Actor,
    values: dict[str, Any],
    reason: str,
    *,
    second: bool,
) -> int:
    made = insert(_corrections).values(
        company_id=who.company_id,
        reason=text.name(reason, _("the reason")),
        second=second,
        at_ms=now_ms(),
        **_signer(who),
        **values,
    )
    number = int(conn.execute(made.returning(_corrections.c.id)).scalar_one())
    detail = {
        "kind": values["kind"],
        "registration": values["registration_id"],
        "worker": values["worker_id"],
        "second": second,
    }
    note(
        conn, actor, "correction", "propose" if second else "enter",
        company_id=who.company_id, target_id=number, detail=detail,
    )  # fmt: skip
    event = Event.CORRECTION_PROPOSED if second else Event.CORRECTION_APPROVED
    outbox.tell(conn, event, who.company_id, [number])
    return number
