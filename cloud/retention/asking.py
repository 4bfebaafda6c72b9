"""Requests to erase a person: entered, decided by somebody else where there is one, carried out.

What is erased cannot be brought back, so one person's word is not enough where a company has
another administrator; and a program's never is. The caller commits.
"""

import json
from collections import Counter
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from cloud.accounts.roles import Role
from cloud.accounts.tables import accounts, memberships
from cloud.audit.service import Actor, note
from cloud.companies.service import lock
from cloud.companies.tables import companies
from cloud.errors import ConflictError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import spoken
from cloud.mail import service as mail
from cloud.retention.removal import Tally
from cloud.retention.tables import erasure_requests
from cloud.times import now_ms
from cloud.workers.tables import workers

_requests = erasure_requests


class State(StrEnum):
    """How far a request is."""

    PROPOSED = "proposed"
    """Somebody else is to decide."""
    REFUSED = "refused"
    APPROVED = "approved"
    """It is being carried out."""
    RESTRICTED = "restricted"
    """What need not be kept is gone; the rest is shown to nobody, and goes by its age."""
    OVER = "over"
    """Nothing is left."""


def state(row: Any) -> State:
    """How far a row of `erasure_requests` is."""
    if row["approved"] is None:
        return State.PROPOSED
    if not row["approved"]:
        return State.REFUSED
    if row["over_ms"] is not None:
        return State.OVER
    return State.APPROVED if row["done_ms"] is None else State.RESTRICTED


def enter(conn: Connection, actor: Actor, company: int, worker: int, *, alone: bool) -> int:
    """Enter a request, or find the one that is open; its id. `alone`: it needs nobody else.

    Raises ConflictError for a worker of the company's own who is active: whoever works for it has
    to be registered.
    """
    lock(conn, company)
    active = select(workers.c.id).where(
        workers.c.id == worker, workers.c.company_id == company, workers.c.active
    )
    if conn.execute(active).first() is not None:
        raise ConflictError(
            _(
                "The worker is active, and whoever works for the company has to be registered:"
                " make the worker inactive first."
            )
        )
    standing = _of(conn, company, worker, _requests.c.over_ms.is_(None))
    for row in standing:
        if state(row) in (State.PROPOSED, State.APPROVED):
            return int(row["id"])
    at_ms = now_ms()
    decided = {"approved": True, "decided_ms": at_ms} if alone else {}
    made = insert(_requests).values(
        company_id=company,
        worker_id=worker,
        at_ms=at_ms,
        account_id=actor.account_id,
        token_id=actor.token_id,
        **decided,
    )
    number = int(conn.execute(made.returning(_requests.c.id)).scalar_one())
    note(
        conn, actor, "erasure", "enter", company_id=company, target_id=number,
        detail={"second": not alone},
    )  # fmt: skip
    if not alone:
        _ask_others(conn, company, actor.account_id)
    return number


def decide(conn: Connection, actor: Actor, company: int, request: int, *, approve: bool) -> None:
    """Approve or refuse a request. Who entered it can only refuse.

    Raises NotFoundError, ConflictError when somebody decided before.
    """
    lock(conn, company)
    row = one(conn, company, request)
    if row["approved"] is not None:
        raise ConflictError(_("It was decided already; nothing was changed."))
    if approve and row["account_id"] is not None and row["account_id"] == actor.account_id:
        raise ConflictError(_("You proposed it yourself: somebody else has to approve it."))
    conn.execute(
        update(_requests)
        .where(_requests.c.id == request)
        .values(approved=approve, decided_by=actor.account_id, decided_ms=now_ms())
    )
    action = "approve" if approve else "refuse"
    note(conn, actor, "erasure", action, company_id=company, target_id=request)


def needs_another(conn: Connection, company: int, account: int) -> bool:
    """Whether a company has another administrator than an account, who can log in."""
    return bool(_others(conn, company, account))


def one(conn: Connection, company: int, request: int) -> RowMapping:
    """A request of a company. Raises NotFoundError."""
    query = select(_requests).where(_requests.c.id == request, _requests.c.company_id == company)
    found = conn.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFoundError(_("There is no such request."))
    return found


def listed(
    conn: Connection, company: int, *, before: int | None = None, limit: int = 100
) -> list[RowMapping]:
    """The requests of a company, the newest first, with an id below `before` if given."""
    query = select(_requests).where(_requests.c.company_id == company)
    if before is not None:
        query = query.where(_requests.c.id < before)
    return list(conn.execute(query.order_by(_requests.c.id.desc()).limit(limit)).mappings())


def approved(conn: Connection) -> list[RowMapping]:
    """Requests that are decided and not carried out yet, the oldest first."""
    query = select(_requests).where(_requests.c.approved, _requests.c.done_ms.is_(None))
    return list(conn.execute(query.order_by(_requests.c.id)).mappings())


def restricted(conn: Connection) -> list[RowMapping]:
    """Requests of whom something may be kept still, the oldest first."""
    query = select(_requests).where(_requests.c.done_ms.is_not(None), _requests.c.over_ms.is_(None))
    return list(conn.execute(query.order_by(_requests.c.id)).mappings())


def kept_until(conn: Connection, company: int, worker: int) -> int | None:
    """Until when what a company has of a restricted worker is kept; None: nobody asked for it."""
    rows = _of(conn, company, worker, _requests.c.over_ms.is_(None))
    found = [row["until_ms"] for row in rows if row["until_ms"] is not None]
    return max(found, default=None)


def count(conn: Connection, company: int, worker: int, tally: Tally) -> None:
    """Add to what the open requests of a company about a worker say of what went."""
    mine = Counter({kind: number for (of, kind), number in tally.items() if of == company})
    if not mine:
        return
    for row in _open(conn, company, worker):
        total = Counter(json.loads(row["counts"] or "{}")) + mine
        this = update(_requests).where(_requests.c.id == row["id"])
        conn.execute(this.values(counts=json.dumps(dict(sorted(total.items())))))


def finish(conn: Connection, company: int, worker: int, until_ms: int | None) -> None:
    """Say that requests were carried out; `until_ms`: until when something is kept, if it is."""
    at_ms = now_ms()
    for row in _open(conn, company, worker):
        values: dict[str, Any] = {"done_ms": row["done_ms"] or at_ms, "until_ms": until_ms}
        if until_ms is None:
            values |= {"over_ms": at_ms, "worker_id": None}
        conn.execute(update(_requests).where(_requests.c.id == row["id"]).values(**values))
        if row["done_ms"] is None or until_ms is None:
            note(
                conn, Actor("command"), "erasure", "carry-out", company_id=company,
                target_id=row["id"], detail=json.loads(row["counts"] or "{}"),
            )  # fmt: skip


def _open(conn: Connection, company: int, worker: int) -> list[RowMapping]:
    return _of(conn, company, worker, _requests.c.over_ms.is_(None), _requests.c.approved)


def _of(
    conn: Connection, company: int, worker: int, *conditions: ColumnElement[bool]
) -> list[RowMapping]:
    query = select(_requests).where(
        _requests.c.company_id == company, _requests.c.worker_id == worker, *conditions
    )
    return list(conn.execute(query.order_by(_requests.c.id)).mappings())


def _others(conn: Connection, company: int, account: int | None) -> list[RowMapping]:
    query = (
        select(accounts.c.email, accounts.c.language)
        .join(memberships, memberships.c.account_id == accounts.c.id)
        .where(memberships.c.company_id == company, memberships.c.role == Role.ADMINISTRATOR)
        .where(accounts.c.disabled_ms.is_(None), accounts.c.password.is_not(None))
    )
    if account is not None:
        query = query.where(accounts.c.id != account)
    return list(conn.execute(query).mappings())


def _ask_others(conn: Connection, company: int, account: int | None) -> None:
    """Mail the administrators who can decide. Nobody is named in it."""
    name = conn.execute(select(companies.c.name).where(companies.c.id == company)).scalar_one()
    for each in _others(conn, company, account):
        with spoken(each["language"]):
            mail.enqueue(
                conn,
                each["email"],
                _("An erasure at %(company)s waits for you") % {"company": name},
                _(
                    "Somebody asked %(company)s to erase what it knows of a person. Decide on the"
                    " console, under Personal data; the law gives a month for it."
                )
                % {"company": name}
                + "\n",
            )
