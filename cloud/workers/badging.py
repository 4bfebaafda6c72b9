"""Whose badge it is, and from when until when it counts. The caller commits.

A badge is one person's. When it is lost or returned it ends at a date: what was registered before
stays that person's. Unlinking is for a badge that was never theirs: nothing of it stays.
"""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from cloud.companies.service import lock
from cloud.companies.tables import companies
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.registrations import reattribution
from cloud.webhooks import outbox
from cloud.webhooks.events import Event
from cloud.workers import service
from cloud.workers.editing import worker_of
from cloud.workers.tables import badges, workers


def link(
    conn: Connection,
    company: int,
    worker: int,
    key: tuple[str, str],
    *,
    from_ms: int | None = None,
    until_ms: int | None = None,
) -> int:
    """Give a worker a badge; its id. `key`: profile and number, as `service.normalise` gives them.

    Raises NotFoundError, InvalidError, ConflictError when it is somebody's, or when the badge says
    that its holder works for another company: a number alone shows nobody where others were.
    """
    check_period(from_ms, until_ms)
    lock(conn, company)
    worker_of(conn, company, worker)
    row = take(conn, company, worker, key)
    _set_period(conn, row, from_ms, until_ms)
    outbox.tell(conn, Event.WORKER_CHANGED, company, [worker])
    return int(row.id)


def take(conn: Connection, company: int, worker: int, key: tuple[str, str]) -> Row[Any]:
    """Link a badge to a worker of a company, its dates left alone; the badge.

    Telling the company's webhooks is left to the caller. Raises InvalidError, ConflictError.
    """
    badge = service.put_badge(conn, *key)
    row = conn.execute(select(badges).where(badges.c.id == badge).with_for_update()).one()
    if row.worker_id == worker:
        return row
    if row.worker_id is not None:
        raise ConflictError(_taken(conn, company, row.worker_id))
    ours = conn.execute(select(companies.c.vat).where(companies.c.id == company)).scalar_one()
    refuse_employer(row.employer_vat, ours)
    service.link_badge(conn, badge, worker)
    return row


def refuse_employer(told: str | None, ours: str) -> None:
    """Raise ConflictError for a badge that tells another employer's VAT number than `ours`."""
    if told is not None and told[:1].isalpha() and told != ours:
        raise ConflictError(
            _(
                "The badge says that its holder works for another company; enter a badge that names"
                " yours, or none."
            )
        )


def set_period(
    conn: Connection,
    company: int,
    worker: int,
    badge: int,
    from_ms: int | None,
    until_ms: int | None,
) -> bool:
    """Say from when until when a worker's badge counts; whether that changed anything.

    Raises NotFoundError, InvalidError.
    """
    check_period(from_ms, until_ms)
    lock(conn, company)
    changed = _set_period(conn, badge_of(conn, company, worker, badge), from_ms, until_ms)
    if changed:
        outbox.tell(conn, Event.WORKER_CHANGED, company, [worker])
    return changed


def unlink(conn: Connection, company: int, worker: int, badge: int) -> None:
    """Say that a badge is nobody's, and never was. Raises NotFoundError."""
    lock(conn, company)
    row = badge_of(conn, company, worker, badge)
    service.link_badge(conn, badge, None)
    _set_period(conn, row, None, None)
    outbox.tell(conn, Event.WORKER_CHANGED, company, [worker])


def badge_of(conn: Connection, company: int, worker: int, badge: int) -> Row[Any]:
    """A badge of a worker of a company. Raises NotFoundError."""
    row = conn.execute(
        select(badges)
        .join(workers, workers.c.id == badges.c.worker_id)
        .where(badges.c.id == badge, workers.c.id == worker, workers.c.company_id == company)
        .where(workers.c.restricted_ms.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("The worker has no such badge."))
    return row


def check_period(from_ms: int | None, until_ms: int | None) -> None:
    """Raise InvalidError when a period is empty."""
    if from_ms is not None and until_ms is not None and until_ms <= from_ms:
        raise InvalidError(_("The last day is before the first; give a later one."))


def _set_period(conn: Connection, row: Row[Any], from_ms: int | None, until_ms: int | None) -> bool:
    if (row.valid_from_ms, row.valid_until_ms) == (from_ms, until_ms):
        return False
    conn.execute(
        update(badges)
        .where(badges.c.id == row.id)
        .values(valid_from_ms=from_ms, valid_until_ms=until_ms)
    )
    reattribution.request(conn, badge_id=row.id, why=mark("the badge's dates changed"))
    return True


def _taken(conn: Connection, company: int, worker: int) -> str:
    """Whose badge it is, if that is somebody of the company."""
    number = conn.execute(
        select(workers.c.number).where(workers.c.id == worker, workers.c.company_id == company)
    ).scalar()
    if number is None:
        return _("This badge is linked to somebody already; it has to be unlinked there first.")
    return _("This badge is linked to worker %(number)s; unlink it there first.") % {
        "number": number
    }
