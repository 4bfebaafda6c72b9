"""Challenges: what an authenticator is asked to sign, so that no answer counts twice.

Each is random, for one purpose, and for the browser that holds a token: of a session, of half a
login, or of a login that has just begun. It is answered once, within five minutes. A browser may
have several at once, one in each window. The caller commits.
"""

import secrets
from enum import StrEnum

from sqlalchemy import Connection, delete, insert

from cloud.accounts import tokens
from cloud.accounts.tables import passkey_challenges
from cloud.errors import InvalidError
from cloud.times import now_ms

LIFE_MS = 5 * 60_000
_OCTETS = 32


class Purpose(StrEnum):
    """What an answer is for."""

    ADD = "add"
    LOGIN = "login"
    SECOND = "second"


def make(conn: Connection, purpose: Purpose, token: str, account: int | None = None) -> bytes:
    """A new one, for the browser that holds `token`; `account`, if given, is who has to answer.

    Raises InvalidError for what was never a token.
    """
    now, challenge = now_ms(), secrets.token_bytes(_OCTETS)
    expired = passkey_challenges.c.created_ms <= now - LIFE_MS
    conn.execute(delete(passkey_challenges).where(expired))
    conn.execute(
        insert(passkey_challenges).values(
            challenge=challenge,
            purpose=purpose.value,
            token_hash=tokens.digest(token),
            account_id=account,
            created_ms=now,
        )
    )
    return challenge


def take(
    conn: Connection, purpose: Purpose, token: str, challenge: bytes, account: int | None = None
) -> int | None:
    """When a challenge was made, which is used up now; None where it is not for these to answer.

    `account` is who was asked.
    """
    try:
        digest = tokens.digest(token)
    except InvalidError:
        return None
    this = delete(passkey_challenges).where(
        passkey_challenges.c.challenge == challenge,
        passkey_challenges.c.purpose == purpose.value,
        passkey_challenges.c.token_hash == digest,
        passkey_challenges.c.account_id.is_not_distinct_from(account),
        passkey_challenges.c.created_ms > now_ms() - LIFE_MS,
    )
    return conn.execute(this.returning(passkey_challenges.c.created_ms)).scalar_one_or_none()
