"""One person's data: `worker data`, `worker erase`, `account data` and `account close`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloud.options import config_option, json_option, one_line_errors, session, show

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cloud.settings import Config

_COMPANY = click.option("--company", required=True, help="VAT number or name.")
_WORKER = click.option("--worker", "number", help="One of its workers, by number.")
_ID = click.option(
    "--id", "worker_id", type=click.IntRange(1), help="Or anybody it knows, by the worker's id."
)
_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The ZIP to write, mode 0600.",
)


@click.command()
@_COMPANY
@_WORKER
@_ID
@_OUT
@config_option
def worker_data(
    company: str, number: str | None, worker_id: int | None, out: Path, config_path: Path
) -> None:
    """Write all that a company holds of a person: JSON for programs, a page, and tables."""
    from cloud.audit.service import OPERATOR, note
    from cloud.files import replace
    from cloud.retention import policies
    from cloud.subjects import documents, holdings
    from cloud.visibility.rules import program
    from cloud.workers.vault import Vault

    with one_line_errors():
        config = _config(config_path)
        with _found(config, company, number, worker_id) as (conn, owner, worker):
            found = holdings.subject(conn, program(owner), worker)
            vault = Vault.open(config.directory) if found.own else None
            held = holdings.holdings(conn, owner, worker, vault)
            months = policies.months_of(conn, config.retention, owner)
            explained = documents.of_worker(months, config.retention.minimum_months)
            replace(out, documents.archive(held, explained, also={}))
            note(conn, OPERATOR, "person", "export", company_id=owner, target_id=worker)
    click.echo(f"{out}: {len(held['registrations'])} registrations, and all else")


@click.command()
@_COMPANY
@_WORKER
@_ID
@click.option("--yes", is_flag=True, help="Do it; else it is only said what would be done.")
@json_option
@config_option
def worker_erase(
    company: str,
    number: str | None,
    worker_id: int | None,
    yes: bool,
    as_json: bool,
    config_path: Path,
) -> None:
    """Erase a person, as far as the law lets a company: the rest is restricted until its time.

    Says line by line what goes, what is kept, and until when.
    """
    import msgspec

    from cloud import db
    from cloud.audit.service import OPERATOR, note
    from cloud.retention import asking, redo
    from cloud.retention.plan import plan
    from cloud.retention.terms import Terms
    from cloud.subjects import holdings
    from cloud.times import now_ms
    from cloud.visibility.rules import program

    with one_line_errors():
        config = _config(config_path)
        with _found(config, company, number, worker_id) as (conn, owner, worker):
            holdings.subject(conn, program(owner), worker)
            terms = Terms.of(conn, config.retention, now_ms())
            lines = [msgspec.to_builtins(line) for line in plan(conn, terms, owner, worker)]
            if yes:
                asking.enter(conn, OPERATOR, owner, worker, alone=True)
            else:
                note(conn, OPERATOR, "person", "preview", company_id=owner, target_id=worker)
        if yes:
            engine = db.writer_engine(config.database.url)
            try:
                redo.catch_up(engine, config.directory, config.retention)
            finally:
                engine.dispose()
    show(lines, as_json)
    click.echo("done" if yes else "nothing was erased yet: give --yes", err=True)


@click.command()
@click.argument("email")
@_OUT
@config_option
def account_data(email: str, out: Path, config_path: Path) -> None:
    """Write all that is held of an account."""
    from cloud.accounts import service
    from cloud.audit.service import OPERATOR, note
    from cloud.files import replace
    from cloud.subjects import accounts, documents

    with one_line_errors():
        config = _config(config_path)
        with session(config.database.url) as conn:
            found = service.account_id(conn, email)
            held = accounts.holdings(conn, found)
            replace(out, documents.archive(held, documents.of_account(), also={}))
            note(conn, OPERATOR, "account", "export", target_id=found)
    click.echo(f"{out}: account {json.dumps(found)}")


@click.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do it; it cannot be undone.")
@config_option
def account_close(email: str, yes: bool, config_path: Path) -> None:
    """Close an account: its name and address are erased; the trail keeps its number."""
    from cloud import db
    from cloud.accounts import closing, service
    from cloud.audit.service import OPERATOR, note
    from cloud.errors import RefusedError
    from cloud.retention import redo
    from cloud.retention.log import Log, done
    from cloud.times import now_ms

    with one_line_errors():
        config = _config(config_path)
        with session(config.database.url) as conn:
            found = service.account_id(conn, email)
            named = closing.begin(conn, found)
            if not yes:
                raise RefusedError(f"account {email} can be closed, for good: give --yes")
            note(conn, OPERATOR, "account", "close", target_id=found)
            Log(config.directory).account(named, now_ms(), above=done(conn))
        engine = db.writer_engine(config.database.url)
        try:
            redo.catch_up(engine, config.directory, config.retention)
        finally:
            engine.dispose()


@contextmanager
def _found(
    config: "Config", company: str, number: str | None, worker_id: int | None
) -> Iterator[tuple["Connection", int, int]]:
    """A transaction, a company and the id of somebody it knows."""
    from cloud.companies.queries import company_id
    from cloud.workers.queries import worker_id as by_number

    if (number is None) == (worker_id is None):
        raise click.UsageError("give one of --worker and --id")
    with session(config.database.url) as conn:
        owner = company_id(conn, company)
        if worker_id is None:
            worker_id = by_number(conn, owner, str(number))
        yield conn, owner, worker_id


def _config(path: Path) -> "Config":
    from cloud import settings

    return settings.load(path)
