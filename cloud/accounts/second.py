"""The second factor of an account: one-time passwords by the clock (TOTP, RFC 6238).

The secret is sealed by the platform's vault, bound to its account. Six digits, a new one every 30
seconds; one step of drift either way is let pass, and no step counts twice (RFC 6238, 5.2). Who
lost the device has ten recovery codes, each good once, of which only hashes are kept. The caller
commits, and `cloud.accounts.service.give_code` counts what is wrong.
"""

import base64
import hashlib
import hmac
import secrets

import pyotp
from sqlalchemy import Connection, delete, func, insert, select, update

from cloud.accounts.tables import accounts, recovery_codes, totps
from cloud.errors import ConflictError, InvalidError
from cloud.languages.current import gettext as _
from cloud.times import now_ms
from cloud.workers.vault import Vault

STEP_MS = 30_000
RECOVERY_CODES = 10
_DRIFT = 1
_ISSUER = "Pointeuse"
_OCTETS = 10
"""Of a recovery code: 80 bits, which nobody finds from a hash."""
_GROUP = 4


def is_asked(conn: Connection, account: int) -> bool:
    """Whether an account has a second factor that was confirmed."""
    query = select(totps.c.account_id).where(
        totps.c.account_id == account, totps.c.confirmed_ms.is_not(None)
    )
    return conn.execute(query).first() is not None


def left(conn: Connection, account: int) -> int:
    """How many recovery codes were not used yet."""
    unused = (recovery_codes.c.account_id == account) & recovery_codes.c.used_ms.is_(None)
    query = select(func.count(recovery_codes.c.account_id)).where(unused)
    return int(conn.execute(query).scalar_one())


def begin(conn: Connection, vault: Vault, account: int) -> None:
    """Make a secret, which is not asked for until a code of it was given.

    Raises ConflictError when the account has a second factor.
    """
    conn.execute(select(accounts.c.id).where(accounts.c.id == account).with_for_update())
    if is_asked(conn, account):
        raise ConflictError(_("The account has a second factor already; take it away first."))
    conn.execute(delete(totps).where(totps.c.account_id == account))
    sealed = vault.seal(_bound(account) + pyotp.random_base32())
    conn.execute(insert(totps).values(account_id=account, sealed=sealed, created_ms=now_ms()))


def offered(conn: Connection, vault: Vault, account: int) -> tuple[str, str]:
    """The secret that waits for its first code, in base32, and its `otpauth` address.

    Raises InvalidError when none waits.
    """
    row = conn.execute(
        select(totps.c.sealed, accounts.c.email)
        .join(accounts, accounts.c.id == totps.c.account_id)
        .where(totps.c.account_id == account, totps.c.confirmed_ms.is_(None))
    ).one_or_none()
    if row is None:
        raise InvalidError(_("No second factor waits for its first code; begin again."))
    secret = _secret(vault, account, row.sealed)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=row.email, issuer_name=_ISSUER)


def confirm(conn: Connection, vault: Vault, account: int, code: str) -> list[str]:
    """Ask for the second factor from now on; the recovery codes, which are kept nowhere.

    Raises InvalidError when no secret waits, or the code is not of it.
    """
    offered(conn, vault, account)
    if not _by_clock(conn, vault, account, code):
        raise InvalidError(
            _(
                "This is not the code that is shown now."
                " Check the clock of the device that shows it."
            )
        )
    waiting = (totps.c.account_id == account) & totps.c.confirmed_ms.is_(None)
    conn.execute(update(totps).where(waiting).values(confirmed_ms=now_ms()))
    conn.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account))
    codes = [_recovery_code() for _each in range(RECOVERY_CODES)]
    rows = [{"code_hash": _digest(each), "account_id": account} for each in codes]
    conn.execute(insert(recovery_codes), rows)
    return codes


def counts(conn: Connection, vault: Vault, account: int, code: str) -> bool:
    """Whether a code, or a recovery code, is right now; then it never is again."""
    return _by_clock(conn, vault, account, code) or _recovers(conn, account, code)


def take_away(conn: Connection, account: int) -> bool:
    """Ask for no second factor any more; whether there was one."""
    conn.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account))
    return bool(conn.execute(delete(totps).where(totps.c.account_id == account)).rowcount)


def _by_clock(conn: Connection, vault: Vault, account: int, code: str) -> bool:
    row = conn.execute(
        select(totps).where(totps.c.account_id == account).with_for_update()
    ).one_or_none()
    typed = "".join(code.split())
    if row is None or not (typed.isascii() and typed.isdigit()):
        return False
    shown = pyotp.TOTP(_secret(vault, account, row.sealed))
    now = now_ms() // STEP_MS
    right = [
        step
        for step in range(now - _DRIFT, now + _DRIFT + 1)
        # All are compared, whichever is right, and each takes as long.
        if hmac.compare_digest(shown.generate_otp(step), typed)
    ]
    if not right:
        return False
    # Neither this one again, nor one before the last that counted; of several at once, one.
    counted = update(totps).where(totps.c.account_id == account, totps.c.step < right[-1])
    return bool(conn.execute(counted.values(step=right[-1])).rowcount)


def _recovers(conn: Connection, account: int, code: str) -> bool:
    unused = (recovery_codes.c.account_id == account) & recovery_codes.c.used_ms.is_(None)
    this = recovery_codes.c.code_hash == _digest(code)
    return bool(
        conn.execute(update(recovery_codes).where(unused, this).values(used_ms=now_ms())).rowcount
    )


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_OCTETS)).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _digest(code: str) -> bytes:
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(plain.encode()).digest()


def _secret(vault: Vault, account: int, sealed: bytes) -> str:
    """Raises VaultError, InvalidError when it was sealed for another account."""
    bound, found = _bound(account), vault.unseal(sealed)
    if not found.startswith(bound):
        raise InvalidError(_("The second factor cannot be read; ask who runs the platform."))
    return found.removeprefix(bound)


def _bound(account: int) -> str:
    return f"totp:{account}:"
