"""Showing by a passkey who one is: alone, or beside a password. The caller commits either way.

Whatever is wrong is answered alike, and about as slowly: a signature is verified also of a passkey
that nobody has. What is wrong counts as a wrong password does, and while the account is locked even
the right passkey is refused.

A passkey whose count went back may have been copied (WebAuthn Level 3, section 6.1.1). Nobody can
tell the copy from what was copied, so from then on neither counts, and all sessions of the account
end. An answer that another one overtook is refused, and means nothing more.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, Row, select, update
from webauthn.helpers import encode_cbor

from cloud.accounts import challenges, service, sessions, telling
from cloud.accounts.ceremonies import Assertion
from cloud.accounts.challenges import Purpose
from cloud.accounts.party import Party
from cloud.accounts.tables import accounts, passkeys
from cloud.errors import InvalidError
from cloud.times import now_ms


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of it. `why` is a word for the trail, and empty when somebody is let in.

    `account` is whose passkey it is, or who was asked for one; None: nobody knows.
    """

    why: str
    account: int | None = None
    passkey: int | None = None

    @property
    def stopped(self) -> bool:
        """Whether the passkey counts no more, from now on."""
        return self.why == _COPIED


_COPIED = "copied"


def show(
    conn: Connection,
    party: Party,
    answer: str,
    purpose: Purpose,
    token: str,
    account: int | None = None,
) -> Shown:
    """Judge what a browser answered that holds `token`; for a second factor, of this `account`."""
    try:
        said = Assertion(answer)
    except InvalidError:
        return Shown("unreadable", account)
    asked_ms = challenges.take(conn, purpose, token, said.challenge, account)
    if asked_ms is None:
        return Shown("challenge", account)
    row = _passkey(conn, said.credential_id)
    holds = said.holds(party, said.challenge, _nobody() if row is None else row.public_key)
    if account is None and row is None:
        return Shown("unknown")
    owner = _owner(conn, row.account_id if account is None and row is not None else account)
    found = Shown("", owner.id, None if row is None else row.id)
    if owner.disabled_ms is not None or service.is_locked(owner):
        return replace(found, why="locked")
    if row is None or not holds or not _is_of(said, row, owner, alone=account is None):
        service.count_failure(conn, owner)
        return replace(found, why="wrong")
    if row.stopped_ms is not None:
        return replace(found, why="stopped")
    if max(said.sign_count, row.sign_count) > 0 and said.sign_count <= row.sign_count:
        if asked_ms <= (row.used_ms or 0):
            return replace(found, why="overtaken")
        _stop(conn, row)
        return replace(found, why=_COPIED)
    used = update(passkeys).where(passkeys.c.id == row.id)
    conn.execute(used.values(sign_count=said.sign_count, used_ms=now_ms()))
    service.forget_failures(conn, owner.id)
    return found


def _is_of(said: Assertion, row: Row[Any], owner: Row[Any], *, alone: bool) -> bool:
    """Whether the passkey is the account's, and says so (section 7.2, steps 6 and 21)."""
    mine = row.account_id == owner.id and said.synced == row.synced
    named = said.handle == owner.passkey_handle or (said.handle is None and not alone)
    return mine and named


def _stop(conn: Connection, row: Row[Any]) -> None:
    stopped = update(passkeys).where(passkeys.c.id == row.id)
    conn.execute(stopped.values(stopped_ms=now_ms()))
    sessions.end_all(conn, row.account_id)
    telling.tell(conn, row.account_id, telling.PASSKEY_STOPPED, row.name)


def _passkey(conn: Connection, credential_id: bytes) -> Row[Any] | None:
    """Locked: of two answers at once, the second is compared with the first one's count."""
    this = select(passkeys).where(passkeys.c.credential_id == credential_id)
    return conn.execute(this.with_for_update()).one_or_none()


def _owner(conn: Connection, account: int | None) -> Any:
    query = select(
        accounts.c.id,
        accounts.c.passkey_handle,
        accounts.c.failures,
        accounts.c.locked_until_ms,
        accounts.c.disabled_ms,
    ).where(accounts.c.id == account)
    return conn.execute(query.with_for_update()).one()


@cache
def _nobody() -> bytes:
    """The key of a passkey that nobody has (COSE_Key, RFC 9053 section 7.1.1)."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
