"""The second factor of an account: what is asked for beside its password. The caller commits.

It is one-time passwords by the clock, passkeys, or both; any of them will do, and so will a
recovery code. Recovery codes come with the first of them and go with the last.
"""

from sqlalchemy import Connection

from cloud.accounts import passkeys, recovery, totp
from cloud.workers.vault import Vault


def is_asked(conn: Connection, account: int) -> bool:
    """Whether the password alone is not enough."""
    return totp.is_asked(conn, account) or passkeys.exist(conn, account)


def counts(conn: Connection, vault: Vault | None, account: int, code: str) -> bool:
    """Whether a code, or a recovery code, is right now; then it never is again.

    Without the vault's key, recovery codes alone are.
    """
    by_clock = vault is not None and totp.counts(conn, vault, account, code)
    return by_clock or recovery.counts(conn, account, code)


def first_codes(conn: Connection, account: int) -> list[str]:
    """Once something was added: recovery codes, unless the account has some left."""
    return [] if recovery.left(conn, account) else recovery.make(conn, account)


def tidy(conn: Connection, account: int) -> None:
    """Once something was taken away: recovery codes for nothing go as well."""
    if not is_asked(conn, account):
        recovery.take_away(conn, account)


def take_away(conn: Connection, account: int) -> tuple[bool, int]:
    """Ask for the password alone again: whether there were codes by the clock, how many passkeys.

    Nobody logs in with those passkeys any more.
    """
    were = totp.take_away(conn, account), passkeys.take_all_away(conn, account)
    recovery.take_away(conn, account)
    return were
