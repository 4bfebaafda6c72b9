"""Somebody registers a company, having shown that an address is theirs. The caller commits.

Nothing is made before the link in the mail was opened. A company that is registered already is not
registered twice: its administrators are asked for access instead, and nobody is told who they are.
A private company, whose workers were met on badges, waits for whoever runs the platform.
"""

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, select

from cloud import text
from cloud.accounts import addresses, claims, links, requests, service
from cloud.accounts.access import put_membership
from cloud.accounts.links import Purpose
from cloud.accounts.roles import Role
from cloud.companies import vat as vats
from cloud.companies.service import enter
from cloud.companies.tables import companies
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import language


class Outcome(StrEnum):
    """What became of a registration."""

    REGISTERED = "registered"
    ASKED = "asked"
    """The company is registered already: its administrators decide."""
    WAITS = "waits"
    """Its workers were met already: whoever runs the platform decides."""


class Confirmed(NamedTuple):
    """The account that registered, and the company if it administers one now."""

    account: int
    company: int | None
    outcome: Outcome


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


def confirm(conn: Connection, token: str, encoded: str | None) -> Confirmed:
    """Use the link. An account that is not there yet is made, with the hash of its password.

    Raises NotFoundError, InvalidError.
    """
    email, wanted = links.use(conn, Purpose.REGISTER, token)
    account = service.find(conn, email)
    if account is None:
        account = service.create(conn, email, wanted["name"], language=wanted["language"])
        if encoded is None:
            raise InvalidError(_("Choose a password."))
        service.keep_password(conn, account, encoded)
    number = vats.normalise(wanted["vat"])
    made = enter(conn, number, wanted["company"])
    if made is not None:
        put_membership(conn, account, made, Role.ADMINISTRATOR)
        return Confirmed(account, made, Outcome.REGISTERED)
    private = select(companies.c.id).where(companies.c.vat == number, companies.c.private)
    met = conn.execute(private).scalar()
    if met is not None:
        claims.claim(conn, account, met, wanted["company"])
        return Confirmed(account, None, Outcome.WAITS)
    requests.ask(conn, account, number)
    return Confirmed(account, None, Outcome.ASKED)
