"""Sessions: that a browser was let in, and which company it looks at. The caller commits.

OWASP's session rules: a session is a fresh random token at each login, ends by itself when idle or
old, and the database knows only the token's hash.
"""

import contextlib

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from cloud.accounts import tokens
from cloud.accounts.access import membership
from cloud.accounts.tables import accounts, sessions
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.times import now_ms

IDLE_MS = 12 * 3_600_000
OLDEST_MS = 14 * 86_400_000
HALF_MS = 10 * 60_000
"""How long the second factor is waited for."""
_NOTED_MS = 60_000
"""A session seen again within this time is not written anew."""


def begin(conn: Connection, account: int) -> str:
    """Start a session; its token, which is kept nowhere."""
    return _begin(conn, account, half=False)


def begin_half(conn: Connection, account: int) -> str:
    """Keep that the password was right, until the second factor is given; the token of that."""
    return _begin(conn, account, half=True)


def half(conn: Connection, token: str) -> int | None:
    """The account whose second factor is still to come, while that is waited for."""
    try:
        digest = tokens.digest(token)
    except InvalidError:
        return None
    return conn.execute(
        select(sessions.c.account_id)
        .join(accounts, accounts.c.id == sessions.c.account_id)
        .where(
            sessions.c.token_hash == digest,
            sessions.c.half,
            sessions.c.created_ms > now_ms() - HALF_MS,
            accounts.c.disabled_ms.is_(None),
        )
    ).scalar_one_or_none()


def resume(conn: Connection, token: str) -> RowMapping | None:
    """The session of a token (`id`, `account_id`, `company_id`, `seen_ms`), while it lasts."""
    now = now_ms()
    try:
        digest = tokens.digest(token)
    except InvalidError:
        return None
    return (
        conn.execute(
            select(sessions.c.id, sessions.c.account_id, sessions.c.company_id, sessions.c.seen_ms)
            .join(accounts, accounts.c.id == sessions.c.account_id)
            .where(
                sessions.c.token_hash == digest,
                ~sessions.c.half,
                sessions.c.seen_ms > now - IDLE_MS,
                sessions.c.created_ms > now - OLDEST_MS,
                accounts.c.disabled_ms.is_(None),
            )
        )
        .mappings()
        .one_or_none()
    )


def is_due(session: RowMapping) -> bool:
    """Whether `touch` is worth a write."""
    return bool(now_ms() - session["seen_ms"] > _NOTED_MS)


def touch(conn: Connection, session_id: int) -> None:
    """Note that a session is in use."""
    conn.execute(update(sessions).where(sessions.c.id == session_id).values(seen_ms=now_ms()))


def switch(conn: Connection, session_id: int, account: int, company: int) -> None:
    """Look at another company. Raises NotFoundError where the account has no part in it."""
    if membership(conn, account, company) is None:
        raise NotFoundError(_("you have no access to that company; ask its administrator for it"))
    conn.execute(update(sessions).where(sessions.c.id == session_id).values(company_id=company))


def end(conn: Connection, token: str) -> None:
    """End a session, if there is one of this token."""
    with contextlib.suppress(InvalidError):
        conn.execute(delete(sessions).where(sessions.c.token_hash == tokens.digest(token)))


def of(conn: Connection, account: int) -> list[RowMapping]:
    """The sessions of an account that last, the one seen last first; not their tokens."""
    now = now_ms()
    query = (
        select(sessions.c.id, sessions.c.created_ms, sessions.c.seen_ms)
        .where(sessions.c.account_id == account, ~sessions.c.half)
        .where(sessions.c.seen_ms > now - IDLE_MS, sessions.c.created_ms > now - OLDEST_MS)
        .order_by(sessions.c.seen_ms.desc(), sessions.c.id.desc())
    )
    return list(conn.execute(query).mappings())


def end_of(conn: Connection, account: int, session_id: int) -> bool:
    """End a session of an account; whether there was one."""
    this = (sessions.c.id == session_id) & (sessions.c.account_id == account)
    return bool(conn.execute(delete(sessions).where(this)).rowcount)


def end_all(conn: Connection, account: int) -> None:
    """End every session of an account, and halves of logins."""
    conn.execute(delete(sessions).where(sessions.c.account_id == account))


def sweep(conn: Connection) -> int:
    """Delete the sessions that are over; how many."""
    now = now_ms()
    over = (sessions.c.seen_ms <= now - IDLE_MS) | (sessions.c.created_ms <= now - OLDEST_MS)
    return conn.execute(delete(sessions).where(over)).rowcount


def _begin(conn: Connection, account: int, *, half: bool) -> str:
    token, now = tokens.make(), now_ms()
    conn.execute(
        insert(sessions).values(
            token_hash=tokens.digest(token),
            account_id=account,
            created_ms=now,
            seen_ms=now,
            half=half,
        )
    )
    return token
