"""Somebody registers a company, having shown that an address is theirs. The caller commits.

Nothing is made before the link in the mail was opened. A company that is registered already is not
registered twice: its administrators are asked for access instead, and nobody is told who they are.
"""

from sqlalchemy import Connection

from cloud import text
from cloud.accounts import addresses, links, requests, service
from cloud.accounts.access import put_membership
from cloud.accounts.links import Purpose
from cloud.accounts.roles import Role
from cloud.companies import vat as vats
from cloud.companies.service import register
from cloud.errors import ConflictError
from cloud.languages.current import gettext as _
from cloud.languages.current import language

Wanted = dict[str, str]
"""What was typed, tidied: `name` of the person, `vat` and `company`."""


def begin(conn: Connection, email: str, wanted: Wanted) -> str:
    """The token of the link that goes on. Raises InvalidError for an address that is none."""
    return links.make(
        conn, Purpose.REGISTER, addresses.normalise(email), wanted | {"language": language.get()}
    )


def person(name: str) -> str:
    """The name of somebody. Raises InvalidError."""
    return text.name(name, _("your name"))


def company(name: str) -> str:
    """The name of a company. Raises InvalidError."""
    return text.name(name, _("the company's name"))


def confirm(conn: Connection, token: str, password: str | None) -> tuple[int, int | None]:
    """Use the link: the account, and the company it administers now; None: it asked for access.

    An account that is not there yet is made with `password`. Raises NotFoundError, InvalidError.
    """
    email, wanted = links.use(conn, Purpose.REGISTER, token)
    account = service.find(conn, email)
    if account is None:
        account = service.create(conn, email, wanted["name"], language=wanted["language"])
        service.set_password(conn, account, password or "")
    number = vats.normalise(wanted["vat"])
    try:
        made = register(conn, number, wanted["company"])
    except ConflictError:
        requests.ask(conn, account, number)
        return account, None
    put_membership(conn, account, made, Role.ADMINISTRATOR)
    return account, made
