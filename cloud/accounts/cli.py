"""`pointeuse cloud account`: accounts, and what each may do in which company."""

import sys

import click

from cloud.errors import NotFoundError
from cloud.options import database_options, json_option, looked, one_line_errors, session, show
from cloud.subjects.cli import account_close, account_data

_COMPANY = click.option("--company", required=True, help="VAT number or name.")
_ROLE = click.option(
    "--role",
    type=click.Choice(["administrator", "manager", "viewer", "auditor"]),
    required=True,
    help="Administrators and auditors reach the whole company; the others what is granted.",
)
_EXTERNAL = click.option("--external", is_flag=True, help="Somebody from outside the company.")
_PLACES = click.option(
    "--place",
    "places",
    multiple=True,
    metavar="DIVISION[/SITE]",
    help="A division, or one site of it, that is granted; may be repeated.",
)


@click.group()
def account() -> None:
    """Accounts, which log in, and what each sees of which company."""


@account.command()
@click.argument("email")
@click.option("--name", required=True, help="As others see it.")
@click.option("--language", type=click.Choice(["fr", "nl", "de", "en"]), default="fr")
@click.option("--operator", is_flag=True, help="Runs the platform, and sees all of it.")
@json_option
@database_options
def add(email: str, name: str, language: str, operator: bool, as_json: bool, url: str) -> None:
    """Make an account, without a password yet."""
    from cloud.accounts import service
    from cloud.audit.service import OPERATOR, note

    with one_line_errors(), session(url) as conn:
        made = service.create(conn, email, name, language=language, operator=operator)
        note(conn, OPERATOR, "account", "create", target_id=made, detail={"operator": operator})
    show([{"id": made, "email": email, "name": name}], as_json)


@account.command("list")
@json_option
@database_options
def listed(as_json: bool, url: str) -> None:
    """List accounts."""
    from cloud.accounts import queries

    with one_line_errors():
        with session(url, write=False) as conn:
            rows = queries.listed(conn, limit=100_000)
        looked(url, "account", "list", detail={"count": len(rows)})
    show(rows, as_json)


@account.command()
@click.argument("email")
@click.option("--stdin", is_flag=True, help="Read it from standard input, and do not ask.")
@database_options
def password(email: str, stdin: bool, url: str) -> None:
    """Give an account a password, and end its sessions."""
    from cloud.accounts import service
    from cloud.audit.service import OPERATOR, note

    if stdin:
        chosen = sys.stdin.readline().rstrip("\r\n")
    else:
        chosen = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    with one_line_errors(), session(url) as conn:
        found = service.account_id(conn, email)
        service.set_password(conn, found, chosen)
        note(conn, OPERATOR, "account", "set-password", target_id=found)


@account.command("reset-second-factor")
@click.argument("email")
@database_options
def reset_second_factor(email: str, url: str) -> None:
    """Let somebody in who lost device and recovery codes: the password is enough again.

    Codes by the clock and recovery codes are asked for no more, and every passkey of the account is
    removed: nobody logs in with one any more, whoever holds the device. Make sure first that it is
    that person who asks. Their sessions end, and they are told by mail.
    """
    from cloud.accounts import second, service, sessions, telling
    from cloud.audit.service import OPERATOR, note

    with one_line_errors(), session(url) as conn:
        found = service.account_id(conn, email)
        by_clock, keys = second.take_away(conn, found)
        if not by_clock and not keys:
            raise NotFoundError(f"{email} has no second factor and no passkey")
        sessions.end_all(conn, found)
        telling.tell(conn, found, telling.ALL_GONE)
        note(
            conn,
            OPERATOR,
            "account",
            "remove-second-factor",
            target_id=found,
            detail={"passkeys": keys},
        )
    were = [*(["codes by the clock"] if by_clock else []), *([f"passkeys: {keys}"] if keys else [])]
    click.echo(f"taken away of {email}: {', '.join(were)}; the password is enough now")


@account.command()
@click.argument("email")
@click.option("--again", is_flag=True, help="Let the account log in again.")
@database_options
def disable(email: str, again: bool, url: str) -> None:
    """Bar an account from logging in; its sessions end."""
    from cloud.accounts import service
    from cloud.audit.service import OPERATOR, note

    with one_line_errors(), session(url) as conn:
        found = service.account_id(conn, email)
        service.disable(conn, found, disabled=not again)
        note(conn, OPERATOR, "account", "enable" if again else "disable", target_id=found)


@account.command()
@click.argument("email")
@_COMPANY
@_ROLE
@_EXTERNAL
@_PLACES
@database_options
def grant(
    email: str, company: str, role: str, external: bool, places: tuple[str, ...], url: str
) -> None:
    """Give an account access to a company, or other access than it has."""
    from cloud.accounts import access, granted, service
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id, places_of

    with one_line_errors(), session(url) as conn:
        found, owner = service.account_id(conn, email), company_id(conn, company)
        made = access.put_membership(conn, found, owner, role, external=external)
        divisions, sites = places_of(conn, owner, places)
        access.set_grants(
            conn, {"membership_id": made}, owner, division_ids=divisions, site_ids=sites
        )
        granted.tell(conn, owner, found)
        note(
            conn,
            OPERATOR,
            "membership",
            "grant",
            company_id=owner,
            target_id=found,
            detail={"role": role, "external": external, "places": list(places)},
        )


@account.command()
@click.argument("email")
@_COMPANY
@database_options
def revoke(email: str, company: str, url: str) -> None:
    """Take an account's access to a company away."""
    from cloud.accounts import access, granted, service
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id

    with one_line_errors(), session(url) as conn:
        found, owner = service.account_id(conn, email), company_id(conn, company)
        access.withdraw(conn, found, owner)
        granted.tell(conn, owner, found)
        note(conn, OPERATOR, "membership", "revoke", company_id=owner, target_id=found)


@account.command()
@click.argument("email")
@_COMPANY
@_ROLE
@_EXTERNAL
@_PLACES
@json_option
@database_options
def invite(
    email: str,
    company: str,
    role: str,
    external: bool,
    places: tuple[str, ...],
    as_json: bool,
    url: str,
) -> None:
    """Offer somebody access; prints the token for the link, once."""
    from cloud.accounts import invitations
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id, places_of

    with one_line_errors(), session(url) as conn:
        owner = company_id(conn, company)
        divisions, sites = places_of(conn, owner, places)
        token = invitations.invite(
            conn, owner, email, role, external=external, division_ids=divisions, site_ids=sites
        )
        note(conn, OPERATOR, "invitation", "create", company_id=owner, detail={"role": role})
    show([{"email": email, "company": company, "token": token}], as_json)


@account.command()
@click.argument("email")
@click.option("--token", required=True, help="As the invitation says.")
@database_options
def accept(email: str, token: str, url: str) -> None:
    """Take an invitation up for an account."""
    from cloud.accounts import invitations, service
    from cloud.audit.service import OPERATOR, note

    with one_line_errors(), session(url) as conn:
        found = service.account_id(conn, email)
        owner = invitations.accept(conn, token, found)
        note(conn, OPERATOR, "invitation", "accept", company_id=owner, target_id=found)


@account.command()
@_COMPANY
@json_option
@database_options
def members(company: str, as_json: bool, url: str) -> None:
    """List who has access to a company, and to what of it."""
    from cloud.accounts import queries
    from cloud.companies.queries import company_id

    with one_line_errors():
        with session(url, write=False) as conn:
            owner = company_id(conn, company)
            rows = queries.members(conn, owner)
        looked(url, "membership", "list", company_id=owner)
    show(
        rows if as_json else [{**row, "granted": ", ".join(row["granted"])} for row in rows],
        as_json,
    )


account.add_command(account_data, "data")
account.add_command(account_close, "close")
