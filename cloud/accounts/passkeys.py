"""Passkeys: public keys whose other halves are kept by authenticators of an account's owner.

An account may have several, each under a name that its owner chose. What an authenticator answers
is read in `cloud.accounts.ceremonies`, and judged in `cloud.accounts.presenting`. The caller
commits.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cloud import text
from cloud.accounts.tables import accounts, passkeys
from cloud.errors import ConflictError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.times import now_ms

MOST = 20
"""So many has an account at most."""
_OCTETS = 64
"""Of a user handle (WebAuthn Level 3, section 14.6.1)."""


@dataclass(frozen=True, slots=True)
class Made:
    """What an authenticator made, once that was checked."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    synced: bool
    transports: tuple[str, ...]


def exist(conn: Connection, account: int) -> bool:
    """Whether an account has any, working or not."""
    query = select(passkeys.c.id).where(passkeys.c.account_id == account).limit(1)
    return conn.execute(query).first() is not None


def of(conn: Connection, account: int) -> list[RowMapping]:
    """Those of an account, by name; not what only a login needs."""
    query = (
        select(
            passkeys.c.id,
            passkeys.c.name,
            passkeys.c.rp_id,
            passkeys.c.synced,
            passkeys.c.created_ms,
            passkeys.c.used_ms,
            passkeys.c.stopped_ms,
        )
        .where(passkeys.c.account_id == account)
        .order_by(passkeys.c.name, passkeys.c.id)
    )
    return list(conn.execute(query).mappings())


def credentials(
    conn: Connection, account: int, rp_id: str, *, working: bool = False
) -> list[tuple[bytes, list[str]]]:
    """What browsers call an account's passkeys for a name, and how they reach each."""
    query = (
        select(passkeys.c.credential_id, passkeys.c.transports)
        .where(passkeys.c.account_id == account, passkeys.c.rp_id == rp_id)
        .order_by(passkeys.c.id)
    )
    if working:
        query = query.where(passkeys.c.stopped_ms.is_(None))
    return [(row.credential_id, row.transports.split()) for row in conn.execute(query)]


def handle(conn: Connection, account: int) -> bytes:
    """What authenticators know an account by: random, and the same for all of its passkeys."""
    this = accounts.c.id == account
    row = conn.execute(select(accounts.c.passkey_handle).where(this).with_for_update()).one()
    if row.passkey_handle is not None:
        return bytes(row.passkey_handle)
    made = secrets.token_bytes(_OCTETS)
    conn.execute(update(accounts).where(this).values(passkey_handle=made))
    return made


def add(conn: Connection, account: int, rp_id: str, name: str, made: Made) -> int:
    """Keep a passkey; its id. Raises InvalidError for a name that is none, ConflictError."""
    # Locked: of two that are added at once, one is the last that fits.
    conn.execute(select(accounts.c.id).where(accounts.c.id == account).with_for_update())
    query = select(func.count()).select_from(passkeys).where(passkeys.c.account_id == account)
    if conn.execute(query).scalar_one() >= MOST:
        raise ConflictError(
            _("An account has %(most)d passkeys at most; remove one first.") % {"most": MOST}
        )
    values: dict[str, Any] = {
        "account_id": account,
        "rp_id": rp_id,
        "name": text.name(name, _("the passkey's name")),
        "credential_id": made.credential_id,
        "public_key": made.public_key,
        "sign_count": made.sign_count,
        "synced": made.synced,
        "transports": " ".join(made.transports),
        "created_ms": now_ms(),
    }
    dialect = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    absent = (
        dialect(passkeys).values(values).on_conflict_do_nothing(index_elements=["credential_id"])
    )
    key = conn.execute(absent.returning(passkeys.c.id)).scalar_one_or_none()
    if key is None:
        # Whose it is nobody is told.
        raise ConflictError(_("This passkey was added already; choose another device."))
    return int(key)


def named(conn: Connection, account: int, passkey: int) -> str:
    """The name of a passkey of an account. Raises NotFoundError for any other."""
    this = (passkeys.c.id == passkey) & (passkeys.c.account_id == account)
    found = conn.execute(select(passkeys.c.name).where(this)).scalar_one_or_none()
    if found is None:
        raise NotFoundError(_("There is no such passkey any more."))
    return str(found)


def take_away(conn: Connection, account: int, passkey: int) -> bool:
    """Let nobody in by a passkey of an account any more; whether there was one."""
    this = (passkeys.c.id == passkey) & (passkeys.c.account_id == account)
    return bool(conn.execute(delete(passkeys).where(this)).rowcount)


def take_all_away(conn: Connection, account: int) -> int:
    """The same for all of them; how many there were."""
    return conn.execute(delete(passkeys).where(passkeys.c.account_id == account)).rowcount
