"""`pointeuse cloud access`: requests that no administrator can decide."""

import click

from cloud.options import database_options, json_option, looked, one_line_errors, session, show


@click.group()
def access() -> None:
    """Who asks to be let in to a private company, or one without administrators."""


@access.command(name="list")
@json_option
@database_options
def listed(as_json: bool, url: str) -> None:
    """List those that wait for you, the oldest first."""
    from cloud.accounts import claims

    with one_line_errors():
        with session(url, write=False) as conn:
            rows = claims.waiting(conn)
        looked(url, "access-request", "list", detail={"count": len(rows)})
    show(rows, as_json)


@access.command()
@click.argument("number", type=int)
@database_options
def grant(number: int, url: str) -> None:
    """Let somebody in; a private company is registered by that. Make sure first who asks."""
    _settle(number, url, grant=True)


@access.command()
@click.argument("number", type=int)
@database_options
def refuse(number: int, url: str) -> None:
    """Let somebody not in."""
    _settle(number, url, grant=False)


def _settle(number: int, url: str, *, grant: bool) -> None:
    from cloud.accounts import claims
    from cloud.audit.service import OPERATOR, note

    with one_line_errors(), session(url) as conn:
        found = claims.settle(conn, number, grant=grant)
        action = "grant" if grant else "refuse"
        note(
            conn, OPERATOR, "access-request", action, company_id=found.company,
            target_id=found.account,
        )  # fmt: skip
