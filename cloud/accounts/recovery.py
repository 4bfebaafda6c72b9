"""Recovery codes: for who lost what the second factor was made of. The caller commits.

Ten at once, each good once, of which only hashes are kept.
"""

import base64
import hashlib
import secrets

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from cloud.accounts.tables import recovery_codes
from cloud.times import now_ms

CODES = 10
_OCTETS = 10
"""Of a code: 80 bits, which nobody finds from a hash."""
_GROUP = 4


def left(conn: Connection, account: int) -> int:
    """How many were not used yet."""
    query = select(func.count(recovery_codes.c.account_id)).where(_unused(account))
    return int(conn.execute(query).scalar_one())


def make(conn: Connection, account: int) -> list[str]:
    """New codes in place of all there were; they are kept nowhere."""
    take_away(conn, account)
    codes = [_code() for _each in range(CODES)]
    rows = [{"code_hash": _digest(each), "account_id": account} for each in codes]
    conn.execute(insert(recovery_codes), rows)
    return codes


def counts(conn: Connection, account: int, code: str) -> bool:
    """Whether it is one that was not used yet; then it is used now."""
    this = recovery_codes.c.code_hash == _digest(code)
    used = update(recovery_codes).where(_unused(account), this).values(used_ms=now_ms())
    return bool(conn.execute(used).rowcount)


def take_away(conn: Connection, account: int) -> None:
    """Let none of them count any more."""
    conn.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account))


def _unused(account: int) -> ColumnElement[bool]:
    return (recovery_codes.c.account_id == account) & recovery_codes.c.used_ms.is_(None)


def _code() -> str:
    text = base64.b32encode(secrets.token_bytes(_OCTETS)).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _digest(code: str) -> bytes:
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(plain.encode()).digest()
