"""`pointeuse cloud retention`: how long presences are kept, and erasing what is past its time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cloud.options import config_option, json_option, one_line_errors, session, show

if TYPE_CHECKING:
    from cloud.settings import Config

_COMPANY = click.option("--company", required=True, help="VAT number or name.")


@click.group()
def retention() -> None:
    """How long personal data is kept, and erasing what is past its time."""


@retention.command("show")
@json_option
@config_option
def shown(as_json: bool, config_path: Path) -> None:
    """Say for how many months each company keeps presences, and what the limits are."""
    from sqlalchemy import select

    from cloud.companies.tables import companies
    from cloud.retention.terms import Terms
    from cloud.times import now_ms

    with one_line_errors():
        config = _config(config_path)
        with session(config.database.url, write=False) as conn:
            terms = Terms.of(conn, config.retention, now_ms())
            query = select(companies.c.id, companies.c.vat, companies.c.name)
            rows = [
                {
                    "company": row.name,
                    "vat": row.vat,
                    "months": terms.months[row.id],
                    "minimum": config.retention.minimum_months,
                    "maximum": config.retention.maximum_months,
                }
                for row in conn.execute(query.order_by(companies.c.id))
                if row.id in terms.months
            ]
    show(rows, as_json)


@retention.command("set")
@_COMPANY
@click.argument("months", type=click.IntRange(0, 9999))
@config_option
def choose(company: str, months: int, config_path: Path) -> None:
    """Choose for how many MONTHS a company keeps presences."""
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id
    from cloud.retention import policies

    with one_line_errors():
        config = _config(config_path)
        with session(config.database.url) as conn:
            owner = company_id(conn, company)
            if policies.choose(conn, config.retention, owner, months):
                detail = {"months": months}
                note(conn, OPERATOR, "retention", "set", company_id=owner, detail=detail)


@retention.command()
@click.option("--dry-run", is_flag=True, help="Erase nothing; say what would be.")
@json_option
@config_option
def run(dry_run: bool, as_json: bool, config_path: Path) -> None:
    """Erase what is past its time, and whom somebody asked to erase.

    In batches: stopped at any moment, it goes on where it was the next time. `serve` does so once
    a day by itself. Says how much of each kind went, by company.
    """
    import signal
    import threading

    from cloud import db, migrations
    from cloud.retention.job import Run
    from cloud.retention.rehearsal import rehearse
    from cloud.times import now_ms

    with one_line_errors():
        config = _config(config_path)
        engine = (
            db.reader_engine(config.database.url)
            if dry_run
            else db.writer_engine(config.database.url)
        )
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            with engine.connect() as conn:
                migrations.require_current(conn)
            if dry_run:
                with engine.connect() as conn:
                    tally = rehearse(conn, config.retention, now_ms())
            else:
                tally = Run(engine, config.directory, config.retention, stop=stop).run()
            with engine.connect() as conn:
                rows = _rows(conn, tally)
        finally:
            engine.dispose()
    show(rows, as_json)
    if stop.is_set():
        click.echo("stopped: the rest goes the next time", err=True)
        raise SystemExit(1)


def _rows(conn: Any, tally: Any) -> list[dict[str, Any]]:
    from sqlalchemy import select

    from cloud.companies.tables import companies

    names = {row.id: row.name for row in conn.execute(select(companies.c.id, companies.c.name))}
    found = [
        {"company": names.get(company), "what": kind, "count": number}
        for (company, kind), number in tally.items()
    ]
    return sorted(found, key=lambda row: (row["company"] or "", row["what"]))


def _config(path: Path) -> "Config":
    from cloud import settings

    return settings.load(path)
