"""`pointeuse cloud explain`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cloud.options import database_options, json_option, looked, one_line_errors, session

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cloud.visibility.explain import Explanation
    from cloud.visibility.rules import Viewer

_MARKS = {"ok": "✓", "stop": "✗", "note": "·"}
_AS = click.option("--as", "email", required=True, help="The account that does not see it.")
_COMPANY = click.option(
    "--company", required=True, help="The company it looks at: VAT number or name."
)


@click.group()
def explain() -> None:
    """Say why an account does not see a worker, a registration or a terminal.

    Exits with 1 when something was found that hides it.
    """


@explain.command()
@click.argument("worker")
@_AS
@_COMPANY
@click.option("--since", help="A date or time; without an offset it is meant in Brussels.")
@click.option("--until", help="A date or time.")
@json_option
@database_options
def worker(
    worker: str,
    email: str,
    company: str,
    since: str | None,
    until: str | None,
    as_json: bool,
    url: str,
) -> None:
    """A worker, by number, name or a part of one, and what the worker registered."""
    from cloud import times
    from cloud.visibility import workers

    with one_line_errors():
        from_ms = None if since is None else times.parse(since)
        until_ms = None if until is None else times.parse(until)
    _explain(
        "worker",
        url,
        email,
        company,
        lambda conn, seen_by: workers.explain(
            conn, seen_by, worker, since_ms=from_ms, until_ms=until_ms
        ),
        as_json=as_json,
    )


@explain.command()
@click.argument("device")
@_AS
@_COMPANY
@json_option
@database_options
def terminal(device: str, email: str, company: str, as_json: bool, url: str) -> None:
    """A terminal, by the device number printed on it."""
    from cloud.visibility import terminals

    _explain(
        "terminal",
        url,
        email,
        company,
        lambda conn, seen_by: terminals.explain(conn, seen_by, device),
        as_json=as_json,
    )


@explain.command()
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@_AS
@_COMPANY
@json_option
@database_options
def registration(number: int, email: str, company: str, as_json: bool, url: str) -> None:
    """A registration, by its id."""
    from cloud.visibility import registrations

    _explain(
        "registration",
        url,
        email,
        company,
        lambda conn, seen_by: registrations.explain(conn, seen_by, number),
        as_json=as_json,
    )


def _explain(
    kind: str,
    url: str,
    email: str,
    company: str,
    ask: "Callable[[Connection, Viewer], Explanation]",
    *,
    as_json: bool,
) -> None:
    import json

    from cloud.accounts.service import account_id
    from cloud.companies.queries import company_id
    from cloud.visibility.rules import viewer

    with one_line_errors():
        with session(url, write=False) as conn:
            owner = company_id(conn, company)
            found = ask(conn, viewer(conn, account_id(conn, email), owner))
        looked(url, kind, "explain", company_id=owner)
    answer = found.as_json()
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for step in answer["steps"]:
            _print(step)
    raise SystemExit(0 if found.visible else 1)


def _print(step: dict[str, Any]) -> None:
    click.echo(f"{_MARKS[step['verdict']]} {step['check']}: {step['found']}")
    if step["fix"]:
        who = "" if step["mender"] in (None, "nobody", "you") else f" ({step['mender']})"
        click.echo(f"    {step['fix']}{who}")
