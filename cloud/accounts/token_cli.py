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
    " custody:read, explain:read, exports:read, exports:write, registrations:prove,"
    " registrations:read, terminals:read, webhooks:read, webhooks:write, workers:erase,"
    " workers:export, workers:read and workers:write.",
)
@click.option("--whole-badges", is_flag=True, help="It may read badge numbers whole.")
@click.option("--until", help="A date or time from which it is worth nothing; never, without.")
@json_option
@database_options
def add(
    name: str,
    company: str | None,
    operator: bool,
    may: tuple[str, ...],
    whole_badges: bool,
    until: str | None,
    as_json: bool,
    url: str,
) -> None:
    """Make a token, and print it: this once."""
    from cloud.accounts import api_tokens
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id
    from cloud.times import parse

    if (company is None) != operator:
        raise click.UsageError("give one of --company and --operator")
    with one_line_errors(), session(url) as conn:
        owner = None if company is None else company_id(conn, company)
        made, secret = api_tokens.make(
            conn,
            name,
            company=owner,
            whole_badges=whole_badges,
            may=may,
            expires_ms=None if until is None else parse(until),
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
    from cloud.times import rfc3339

    with one_line_errors(), session(url, write=False) as conn:
        rows = api_tokens.listed(conn)
        for row in rows:
            made_ms, expires_ms = row.pop("created_ms"), row.pop("expires_ms")
            row["created_at"] = rfc3339(made_ms)
            row["expires_at"] = None if expires_ms is None else rfc3339(expires_ms)
    show(rows, as_json)


@token.command()
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@database_options
def revoke(number: int, url: str) -> None:
    """Make a token useless, at once; webhooks that its program made end with it."""
    from cloud.accounts import api_tokens
    from cloud.audit.service import OPERATOR, note
    from cloud.times import now_ms
    from cloud.webhooks import answering

    with one_line_errors(), session(url) as conn:
        owner = api_tokens.revoke(conn, number)
        ended = {"webhooks": [webhook for webhook, _ in answering.of(conn, number)]}
        answering.end(conn, now_ms())
        note(conn, OPERATOR, "token", "revoke", company_id=owner, target_id=number, detail=ended)
