"""Telling an account by mail what became of its ways in: whoever did not do it has to know."""

from sqlalchemy import Connection, select

from cloud.accounts.tables import accounts
from cloud.languages.current import gettext as _
from cloud.languages.current import mark, spoken
from cloud.mail import service as mail

FACTOR_ADDED = mark("A second factor was added to your account")
FACTOR_GONE = mark("The second factor of your account was taken away")
PASSKEY_ADDED = mark("A passkey was added to your account")
PASSKEY_GONE = mark("A passkey of your account was removed")
PASSKEY_STOPPED = mark("A passkey of your account may have been copied, and works no more")
CODES_MADE = mark("New recovery codes were made for your account")
ALL_GONE = mark("Second factor and passkeys of your account were taken away")


def tell(conn: Connection, account: int, what: str, name: str = "") -> None:
    """Mail one of the sentences above, in the language of the account; `name` is the passkey's."""
    query = select(accounts.c.email, accounts.c.language).where(accounts.c.id == account)
    row = conn.execute(query).one()
    with spoken(row.language):
        said = _(what)
        advice = _("If that was not you, change your password, and tell who runs the platform.")
        told = f"{said}: {name}" if name else said
        mail.enqueue(conn, row.email, f"Pointeuse: {said}", f"{told}.\n\n{advice}\n")
