"""Links that are mailed: each is for one purpose, works once, and not for long. The caller commits.

Only the hash of a link's token is kept. A new link of the same purpose and address ends the one
before it.
"""

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cloud.accounts import tokens
from cloud.accounts.tables import links
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.times import now_ms


class Purpose(StrEnum):
    """What a link does."""

    REGISTER = "register"
    RESET = "reset"


LIFE_MS = {Purpose.REGISTER: 86_400_000, Purpose.RESET: 3_600_000}
"""How long a link works: a day, an hour."""


def make(conn: Connection, purpose: Purpose, email: str, detail: dict[str, Any]) -> str:
    """The token of a new link to an address (normalised); `detail` is what it is about."""
    token, now = tokens.make(), now_ms()
    values = {
        "token_hash": tokens.digest(token),
        "detail": json.dumps(detail, ensure_ascii=False),
        "created_ms": now,
        "expires_ms": now + LIFE_MS[purpose],
        "used_ms": None,
    }
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    made = insert(links).values(purpose=purpose.value, email=email, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["purpose", "email"], set_=values))
    return token


def look(conn: Connection, purpose: Purpose, token: str) -> tuple[str, dict[str, Any]]:
    """Address and detail of a link. Raises NotFoundError, InvalidError saying what became of it."""
    row = conn.execute(
        select(links).where(
            links.c.purpose == purpose.value, links.c.token_hash == tokens.digest(token)
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("This link is not known; a newer one may have replaced it."))
    if row.used_ms is not None:
        raise InvalidError(_("This link was used already; each works once."))
    if row.expires_ms <= now_ms():
        raise InvalidError(_("This link has expired; ask for a new one."))
    return row.email, json.loads(row.detail)


def use(conn: Connection, purpose: Purpose, token: str) -> tuple[str, dict[str, Any]]:
    """As `look`, and the link is used up: of two at once, one is told so."""
    found = look(conn, purpose, token)
    used = conn.execute(
        update(links)
        .where(links.c.token_hash == tokens.digest(token), links.c.used_ms.is_(None))
        .values(used_ms=now_ms())
    )
    if not used.rowcount:
        raise InvalidError(_("This link was used already; each works once."))
    return found
