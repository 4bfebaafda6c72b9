"""Telling by mail whoever runs the platform, and can log in. The caller commits."""

from typing import Any

from sqlalchemy import Connection, select

from cloud.accounts import letters
from cloud.accounts.letters import Reader
from cloud.accounts.tables import accounts


def tell(conn: Connection, subject: str, body: str, **words: Any) -> None:
    """Mail each of them. The texts are marked for translation."""
    query = (
        select(accounts.c.id, accounts.c.email, accounts.c.language)
        .where(accounts.c.operator, accounts.c.disabled_ms.is_(None))
        .where(accounts.c.password.is_not(None))
        .order_by(accounts.c.id)
    )
    letters.send(conn, [Reader(*row) for row in conn.execute(query)], subject, body, words)
