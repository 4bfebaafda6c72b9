"""One-time passwords by the clock (TOTP, RFC 6238), which may be an account's second factor.

The secret is sealed by the platform's vault, bound to its account. Six digits, a new one every 30
seconds; one step of drift either way is let pass, and no step counts twice (RFC 6238, 5.2). The
caller commits, and `cloud.accounts.service.give_code` counts what is wrong.
"""

import hmac

import pyotp
from sqlalchemy import Connection, delete, insert, select, update

from cloud.accounts.tables import accounts, totps
from cloud.errors import ConflictError, InvalidError
from cloud.languages.current import gettext as _
from cloud.times import now_ms
from cloud.workers.vault import Vault

STEP_MS = 30_000
_DRIFT = 1
_ISSUER = "Pointeuse"


def is_asked(conn: Connection, account: int) -> bool:
    """Whether an account has a secret that was confirmed."""
    query = select(totps.c.account_id).where(
        totps.c.account_id == account, totps.c.confirmed_ms.is_not(None)
    )
    return conn.execute(query).first() is not None


def begin(conn: Connection, vault: Vault, account: int) -> None:
    """Make a secret, which is not asked for until a code of it was given.

    Raises ConflictError when the account has one.
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


def confirm(conn: Connection, vault: Vault, account: int, code: str) -> None:
    """Ask for codes from now on. Raises InvalidError for a wrong one, or when none is due."""
    offered(conn, vault, account)
    if not counts(conn, vault, account, code):
        raise InvalidError(
            _(
                "This is not the code that is shown now."
                " Check the clock of the device that shows it."
            )
        )
    waiting = (totps.c.account_id == account) & totps.c.confirmed_ms.is_(None)
    conn.execute(update(totps).where(waiting).values(confirmed_ms=now_ms()))


def counts(conn: Connection, vault: Vault, account: int, code: str) -> bool:
    """Whether a code is right now; then it never is again."""
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


def take_away(conn: Connection, account: int) -> bool:
    """Ask for no codes any more; whether there was a secret."""
    return bool(conn.execute(delete(totps).where(totps.c.account_id == account)).rowcount)


def _secret(vault: Vault, account: int, sealed: bytes) -> str:
    """Raises VaultError, InvalidError when it was sealed for another account."""
    bound, found = _bound(account), vault.unseal(sealed)
    if not found.startswith(bound):
        raise InvalidError(_("The second factor cannot be read; ask who runs the platform."))
    return found.removeprefix(bound)


def _bound(account: int) -> str:
    return f"totp:{account}:"
