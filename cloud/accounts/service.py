"""Making accounts, and proving that someone is who an account belongs to. The caller commits.

A wrong password is counted also when the caller refuses the login: the caller commits either way.
"""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from cloud import text
from cloud.accounts import addresses, passwords
from cloud.accounts.tables import accounts, sessions
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.times import now_ms

LANGUAGES = ("fr", "nl", "de", "en")
FREE_FAILURES = 5
"""So many wrong passwords in a row cost nothing but themselves."""
LOCK_MS = 30_000
"""What the next one costs; each after it twice as much."""
LONGEST_LOCK_MS = 15 * 60_000


def create(conn: Connection, email: str, name: str, *, language: str = "fr") -> int:
    """Make an account without a password; its id. Raises InvalidError, ConflictError."""
    address = addresses.normalise(email)
    if language not in LANGUAGES:
        raise InvalidError(f"language {language[:20]!r} is not one of {', '.join(LANGUAGES)}")
    if find(conn, address) is not None:
        raise ConflictError(f"there is an account for {address} already; log in with it")
    made = insert(accounts).values(
        email=address,
        name=text.name(name, "the account's name"),
        language=language,
        created_ms=now_ms(),
    )
    return int(conn.execute(made.returning(accounts.c.id)).scalar_one())


def find(conn: Connection, email: str) -> int | None:
    """The id of the account with this address, if there is one. Raises InvalidError."""
    address = addresses.normalise(email)
    found = conn.execute(select(accounts.c.id).where(accounts.c.email == address)).scalar()
    return None if found is None else int(found)


def account_id(conn: Connection, email: str) -> int:
    """The id of the account with this address. Raises NotFoundError."""
    found = find(conn, email)
    if found is None:
        raise NotFoundError(
            f"there is no account {email!r}; make one with `pointeuse cloud account add`"
        )
    return found


def set_password(conn: Connection, account: int, password: str) -> None:
    """Give an account a password, and end its sessions. Raises InvalidError for a weak one."""
    row = conn.execute(select(accounts).where(accounts.c.id == account)).one()
    passwords.check(password, about=[row.email, row.name])
    conn.execute(
        update(accounts)
        .where(accounts.c.id == account)
        .values(password=passwords.hashed(password), failures=0, locked_until_ms=None)
    )
    conn.execute(sessions.delete().where(sessions.c.account_id == account))


def disable(conn: Connection, account: int, *, disabled: bool = True) -> None:
    """Bar an account from logging in, or let it again; its sessions end."""
    conn.execute(
        update(accounts)
        .where(accounts.c.id == account)
        .values(disabled_ms=now_ms() if disabled else None)
    )
    conn.execute(sessions.delete().where(sessions.c.account_id == account))


def authenticate(conn: Connection, email: str, password: str) -> int | None:
    """The account whose password this is; None for anything else, without saying for what.

    Takes as long for an address that nobody has. While an account is locked even the right
    password is refused: whoever guesses learns nothing from guessing on.
    """
    try:
        address = addresses.normalise(email)
    except InvalidError:
        address = ""
    row = conn.execute(
        select(accounts).where(accounts.c.email == address).with_for_update()
    ).one_or_none()
    right = passwords.matches(password, None if row is None else row.password)
    if row is None or _locked(row):
        return None
    if not right:
        _count_failure(conn, row)
        return None
    values: dict[str, Any] = {"failures": 0, "locked_until_ms": None}
    if passwords.outdated(row.password):
        values["password"] = passwords.hashed(password)
    conn.execute(update(accounts).where(accounts.c.id == row.id).values(**values))
    return None if row.disabled_ms is not None else int(row.id)


def _locked(row: Row[Any]) -> bool:
    return row.locked_until_ms is not None and now_ms() < row.locked_until_ms


def _count_failure(conn: Connection, row: Row[Any]) -> None:
    """Count, and lock; the row is locked, so of several guesses at once each one counts."""
    failures = row.failures + 1
    until = None
    if failures > FREE_FAILURES:
        doublings = min(failures - FREE_FAILURES - 1, 32)
        until = now_ms() + min(LOCK_MS << doublings, LONGEST_LOCK_MS)
    conn.execute(
        update(accounts)
        .where(accounts.c.id == row.id)
        .values(failures=failures, locked_until_ms=until)
    )
