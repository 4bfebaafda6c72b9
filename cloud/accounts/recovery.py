"""Recovery codes: for who lost what the second factor was made of. The caller commits.

Ten at once, each good once, of which only hashes are kept.
"""

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from cloud.accounts import codes
from cloud.accounts.tables import recovery_codes
from cloud.times import now_ms

CODES = 10


def left(conn: Connection, account: int) -> int:
    """How many were not used yet."""
    query = select(func.count(recovery_codes.c.account_id)).where(_unused(account))
    return int(conn.execute(query).scalar_one())


def make(conn: Connection, account: int) -> list[str]:
    """New codes in place of all there were; they are kept nowhere."""
    take_away(conn, account)
    made = [codes.make() for _each in range(CODES)]
    rows = [{"code_hash": codes.digest(each), "account_id": account} for each in made]
    conn.execute(insert(recovery_codes), rows)
    return made


def counts(conn: Connection, account: int, code: str) -> bool:
    """Whether it is one that was not used yet; then it is used now."""
    this = recovery_codes.c.code_hash == codes.digest(code)
    used = update(recovery_codes).where(_unused(account), this).values(used_ms=now_ms())
    return bool(conn.execute(used).rowcount)


def take_away(conn: Connection, account: int) -> None:
    """Let none of them count any more."""
    conn.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account))


def _unused(account: int) -> ColumnElement[bool]:
    return (recovery_codes.c.account_id == account) & recovery_codes.c.used_ms.is_(None)
