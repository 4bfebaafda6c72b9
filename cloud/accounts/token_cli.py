"""`pointeuse cloud token`."""

import click

from cloud.options import database_options, json_option, one_line_errors, session, show


@click.group()
def token() -> None:
    """Tokens with which programs read the API."""


@token.command()
@click.option("--name", required=True, help="What it is for, to know it by later.")
@click.option("--company", help="VAT number or name: what its auditors see.")
@click.option("--operator", is_flag=True, help="Instead of a company: all of the platform.")
@click.option(
    "--scope",
    "may",
    multiple=True,
    metavar="SCOPE",
    help="What it may do, once for each; registrations:read alone when none is given. They are"
    " companies:read, companies:write, corrections:decide, corrections:read, corrections:write,"
    " custody:read, explain:read, exports:read, exports:write, registrations:read, terminals:read,"
    " webhooks:read, webhooks:write, workers:erase, workers:export, workers:read and"
    " workers:write.",
)
@click.option("--whole-badges", is_flag=True, help="It may read badge numbers whole.")
@json_option
@database_options
def add(
    name: str,
    company: str | None,
    operator: bool,
    may: tuple[str, ...],
    whole_badges: bool,
    as_json: bool,
    url: str,
) -> None:
    """Make a token, and print it: this once."""
    from cloud.accounts import api_tokens
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id

    if (company is None) != operator:
        raise click.UsageError("give one of --company and --operator")
    with one_line_errors(), session(url) as conn:
        owner = None if company is None else company_id(conn, company)
        made, secret = api_tokens.make(
            conn, name, company=owner, whole_badges=whole_badges, may=may
        )
        note(
            conn,
            OPERATOR,
            "token",
            "create",
            company_id=owner,
            target_id=made,
            detail={"scopes": sorted(may)},
        )
    show([{"id": made, "name": name, "token": secret}], as_json)


@token.command("list")
@json_option
@database_options
def listed(as_json: bool, url: str) -> None:
    """List tokens, without their secrets."""
    from cloud.accounts import api_tokens

    with one_line_errors(), session(url, write=False) as conn:
        show(api_tokens.listed(conn), as_json)


@token.command()
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@database_options
def revoke(number: int, url: str) -> None:
    """Make a token useless, at once."""
    from cloud.accounts import api_tokens
    from cloud.audit.service import OPERATOR, note

    with one_line_errors(), session(url) as conn:
        owner = api_tokens.revoke(conn, number)
        note(conn, OPERATOR, "token", "revoke", company_id=owner, target_id=number)
