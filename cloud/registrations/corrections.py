"""Corrections as they are read: what people entered beside registrations, and how far it is."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from cloud.accounts.tables import accounts, api_tokens
from cloud.companies.tables import divisions, sites
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.registrations.tables import (
    correction_decisions,
    registration_corrections,
)
from cloud.times import rfc3339
from cloud.visibility.rules import (
    App,
    Viewer,
    visible_corrections,
)
from cloud.workers.tables import workers

_corrections = registration_corrections
_signers = accounts.alias("signers")
_signing = api_tokens.alias("signing")


class State(StrEnum):
    """How far a correction is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


def listed(
    conn: Connection,
    who: Viewer | App,
    *,
    worker_ids: Iterable[int] | None = None,
    registration: int | None = None,
) -> list[RowMapping]:
    """Corrections that are visible, of workers or of a registration, the oldest first."""
    query = found().where(visible_corrections(who)).order_by(_corrections.c.id)
    if worker_ids is not None:
        query = query.where(_corrections.c.worker_id.in_(sorted(worker_ids)))
    if registration is not None:
        query = query.where(_corrections.c.registration_id == registration)
    return list(conn.execute(query).mappings())


def newest(
    conn: Connection,
    who: Viewer,
    *,
    before: int | None = None,
    limit: int,
    only: State | None = None,
    worker: int | None = None,
    registration: int | None = None,
) -> list[RowMapping]:
    """Corrections that are visible, the newest first, with an id below `before` if given.

    And if given `only` in one state, of a worker, of a registration.
    """
    query = found().where(visible_corrections(who)).order_by(_corrections.c.id.desc())
    if before is not None:
        query = query.where(_corrections.c.id < before)
    if only is not None:
        query = query.where(_in_state(only))
    for column, wanted in (("worker_id", worker), ("registration_id", registration)):
        if wanted is not None:
            query = query.where(_corrections.c[column] == wanted)
    return list(conn.execute(query.limit(limit)).mappings())


def one(conn: Connection, who: Viewer, correction: int) -> RowMapping:
    """A correction by its id. Raises NotFoundError when it is not visible."""
    query = found().where(visible_corrections(who), _corrections.c.id == correction)
    row = conn.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFoundError(_("There is no such correction."))
    return row


def since(conn: Connection, who: Viewer, since_ms: int | None) -> list[RowMapping]:
    """Corrections that are visible and were entered or decided since; with None, all of them."""
    query = found().where(visible_corrections(who)).order_by(_corrections.c.id)
    if since_ms is not None:
        query = query.where(
            or_(_corrections.c.at_ms >= since_ms, correction_decisions.c.at_ms >= since_ms)
        )
    return list(conn.execute(query).mappings())


def some(conn: Connection, who: Viewer, numbers: Collection[int]) -> list[RowMapping]:
    """Those of some ids that are visible."""
    query = found().where(visible_corrections(who), _corrections.c.id.in_(numbers))
    return list(conn.execute(query).mappings())


def as_json(row: RowMapping) -> dict[str, Any]:
    """A row of `listed` in the words of the API. Times are in Brussels."""
    same = (
        "id", "kind", "second", "registration_id", "worker_id", "given_name", "family_name",
        "division", "site", "direction", "reason", "entered_by",
    )  # fmt: skip
    decided = row["decided_ms"] is not None
    return {name: row[name] for name in same} | {
        "state": state(row).value,
        "tapped_at": rfc3339(row["tapped_ms"]),
        "entered_at": rfc3339(row["at_ms"]),
        "decided_by": row["decided_by"] if decided else None,
        "decided_at": rfc3339(row["decided_ms"]) if decided else None,
    }


def state(row: Any) -> State:
    """How far a row of `listed` is."""
    if row["approved"] is not None:
        return State.APPROVED if row["approved"] else State.REFUSED
    return State.PROPOSED if row["second"] else State.APPROVED


def _in_state(wanted: State) -> ColumnElement[bool]:
    """What `state` says, as a condition."""
    approved = correction_decisions.c.approved
    waits = approved.is_(None) & _corrections.c.second
    match wanted:
        case State.PROPOSED:
            return waits
        case State.REFUSED:
            return ~approved
        case State.APPROVED:
            return approved | (approved.is_(None) & ~_corrections.c.second)


def found() -> Select[Any]:
    """All corrections, with what was decided and everybody's names: to be narrowed."""
    return (
        select(
            _corrections,
            correction_decisions.c.approved,
            correction_decisions.c.at_ms.label("decided_ms"),
            func.coalesce(accounts.c.name, api_tokens.c.name, "").label("entered_by"),
            func.coalesce(_signers.c.name, _signing.c.name, "").label("decided_by"),
            sites.c.name.label("site"),
            divisions.c.name.label("division"),
            workers.c.given_name,
            workers.c.family_name,
        )
        .outerjoin(correction_decisions, correction_decisions.c.correction_id == _corrections.c.id)
        .outerjoin(accounts, accounts.c.id == _corrections.c.account_id)
        .outerjoin(_signers, _signers.c.id == correction_decisions.c.account_id)
        .outerjoin(api_tokens, api_tokens.c.id == _corrections.c.token_id)
        .outerjoin(_signing, _signing.c.id == correction_decisions.c.token_id)
        .outerjoin(sites, sites.c.id == _corrections.c.site_id)
        .outerjoin(divisions, divisions.c.id == sites.c.division_id)
        .join(workers, workers.c.id == _corrections.c.worker_id)
    )
