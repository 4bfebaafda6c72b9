"""Pairing an app with a worker: a code, handed over by somebody, is exchanged once for a token.

A code works for ten minutes; a newer one of the same worker ends it. Whoever makes, exchanges or
ends anything of a worker's locks the worker first: made inactive meanwhile, no app is left. The
caller commits.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cloud import text
from cloud.accounts import codes, tokens
from cloud.apps.tables import apps, pairing_codes, technical_accounts
from cloud.errors import ConflictError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.rows import insert_absent
from cloud.times import now_ms
from cloud.workers.tables import workers

LIFE_MS = 600_000
"""How long a code works."""


class Why(StrEnum):
    """Why a code was refused: for the trail. Whoever sent it is not told."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Paired:
    """An app that was paired; `token` is kept nowhere."""

    company_id: int
    worker_id: int
    technical_account_id: int
    app_id: int
    token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A code that pairs nothing; of one that was made, whose it is."""

    why: Why
    company_id: int | None = None
    worker_id: int | None = None


def offer(conn: Connection, company: int, worker: int) -> tuple[str, int]:
    """A code that pairs an app with a worker of a company, and until when, in ms.

    Raises NotFoundError, ConflictError for a worker who is inactive.
    """
    active = conn.execute(
        select(workers.c.active)
        .where(workers.c.id == worker, workers.c.company_id == company)
        .with_for_update(key_share=True)
    ).scalar()
    if active is None:
        raise NotFoundError(_("There is no such worker."))
    if not active:
        raise ConflictError(_("The worker is inactive, and has no app; make the worker active."))
    code, now = codes.make(), now_ms()
    values = {
        "code_hash": codes.digest(code),
        "created_ms": now,
        "expires_ms": now + LIFE_MS,
        "used_ms": None,
    }
    insert_one = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    made = insert_one(pairing_codes).values(worker_id=worker, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["worker_id"], set_=values))
    return code, now + LIFE_MS


def exchange(conn: Connection, code: str, name: str) -> Paired | Refused:
    """Pair an app, which calls its device `name`, by a code: of two at once, one.

    Raises InvalidError for a name that can be none.
    """
    device = text.name(name, _("the name"))
    this = pairing_codes.c.code_hash == codes.digest(code)
    worker = conn.execute(select(pairing_codes.c.worker_id).where(this)).scalar()
    if worker is None:
        return Refused(Why.UNKNOWN)
    whose = conn.execute(
        select(workers.c.company_id, workers.c.active)
        .where(workers.c.id == worker)
        .with_for_update(key_share=True)
    ).one()
    # Read behind the lock: what held it may have used the code, or ended it.
    row = conn.execute(select(pairing_codes).where(this)).one_or_none()
    if why := _refusal(row, active=whose.active):
        return Refused(why, whose.company_id, worker)
    now = now_ms()
    conn.execute(update(pairing_codes).where(this).values(used_ms=now))
    insert_absent(
        conn, technical_accounts, [{"worker_id": worker, "created_ms": now}], ["worker_id"]
    )
    account = conn.execute(
        select(technical_accounts.c.id).where(technical_accounts.c.worker_id == worker)
    ).scalar_one()
    token = tokens.make()
    made = insert(apps).values(
        technical_account_id=account, name=device, token_hash=tokens.digest(token), created_ms=now
    )
    app = int(conn.execute(made.returning(apps.c.id)).scalar_one())
    return Paired(whose.company_id, worker, account, app, token)


def _refusal(row: Row[Any] | None, *, active: bool) -> Why | None:
    if not active:
        return Why.INACTIVE
    if row is None:
        return Why.UNKNOWN
    if row.used_ms is not None:
        return Why.USED
    return Why.EXPIRED if row.expires_ms <= now_ms() else None
