"""Apps that were paired: whose a token is, which ones a worker has, and how they end.

The caller commits.
"""

from sqlalchemy import Connection, RowMapping, Select, delete, or_, select, update

from cloud import times
from cloud.accounts import tokens
from cloud.apps.tables import apps, pairing_codes, technical_accounts
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.workers.tables import workers


def find(conn: Connection, token: str) -> RowMapping | None:
    """The app of a token (`app_id`, `worker_id`, `company_id`) while its worker is active."""
    try:
        digest = tokens.digest(token)
    except InvalidError:
        return None
    query = (
        select(apps.c.id.label("app_id"), technical_accounts.c.worker_id, workers.c.company_id)
        .join(technical_accounts, technical_accounts.c.id == apps.c.technical_account_id)
        .join(workers, workers.c.id == technical_accounts.c.worker_id)
        .where(apps.c.token_hash == digest, apps.c.revoked_ms.is_(None), workers.c.active)
    )
    return conn.execute(query).mappings().one_or_none()


def touch(conn: Connection, app: int) -> None:
    """Note that an app asked today. The hour is nobody's business, and a write a day is enough."""
    today = times.parse(times.local(times.now_ms()).date().isoformat())
    before = or_(apps.c.used_ms.is_(None), apps.c.used_ms < today)
    conn.execute(update(apps).where(apps.c.id == app, before).values(used_ms=today))


def of_worker(conn: Connection, worker: int) -> list[RowMapping]:
    """The apps that a worker has, the oldest first; never their tokens."""
    query = (
        select(apps.c.id, apps.c.name, apps.c.created_ms, apps.c.used_ms)
        .where(apps.c.technical_account_id.in_(_account(worker)), apps.c.revoked_ms.is_(None))
        .order_by(apps.c.id)
    )
    return list(conn.execute(query).mappings())


def revoke(conn: Connection, company: int, worker: int, app: int) -> bool:
    """End an app of a company's worker; whether it had not ended before. Raises NotFoundError."""
    ours = _account(worker).join(workers, workers.c.id == technical_accounts.c.worker_id)
    ours = ours.where(workers.c.company_id == company)
    this = (apps.c.id == app) & apps.c.technical_account_id.in_(ours)
    if conn.execute(select(apps.c.id).where(this)).first() is None:
        raise NotFoundError(_("There is no such app."))
    ended = update(apps).where(this, apps.c.revoked_ms.is_(None)).values(revoked_ms=times.now_ms())
    return bool(conn.execute(ended).rowcount)


def end_all(conn: Connection, worker: int) -> None:
    """End all apps of a worker, and the code that would pair another one.

    To be called by whoever makes the worker inactive, once the worker's row is changed: that locks
    out whoever pairs one now.
    """
    conn.execute(delete(pairing_codes).where(pairing_codes.c.worker_id == worker))
    theirs = apps.c.technical_account_id.in_(_account(worker))
    ended = update(apps).where(theirs, apps.c.revoked_ms.is_(None))
    conn.execute(ended.values(revoked_ms=times.now_ms()))


def erase(conn: Connection, worker: int) -> None:
    """Leave nothing of a worker's apps, of those that ended neither."""
    conn.execute(delete(pairing_codes).where(pairing_codes.c.worker_id == worker))
    conn.execute(delete(apps).where(apps.c.technical_account_id.in_(_account(worker))))
    conn.execute(delete(technical_accounts).where(technical_accounts.c.worker_id == worker))


def _account(worker: int) -> Select[tuple[int]]:
    """The technical account of a worker, if there is one."""
    return select(technical_accounts.c.id).where(technical_accounts.c.worker_id == worker)
