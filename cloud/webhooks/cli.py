"""`pointeuse cloud webhook`."""

from pathlib import Path

import click

from cloud.options import (
    config_option,
    database_options,
    json_option,
    one_line_errors,
    session,
    show,
)


@click.group()
def webhook() -> None:
    """Webhooks of companies: what is owed to them, delivering it, and stopping one.

    Companies make them themselves, in the console or over the API.
    """


@webhook.command("list")
@click.option("--company", help="VAT number or name; without it, those of all companies.")
@json_option
@database_options
def listed(company: str | None, as_json: bool, url: str) -> None:
    """List webhooks, and why each gets nothing, or not all."""
    from cloud.companies.queries import company_id
    from cloud.rows import ALL
    from cloud.times import now_ms
    from cloud.webhooks import queries
    from cloud.webhooks.tables import webhooks
    from cloud.webhooks.why import why

    with one_line_errors(), session(url, write=False) as conn:
        of = ALL if company is None else webhooks.c.company_id == company_id(conn, company)
        rows = [
            {
                "id": row["id"],
                "company": row["company"],
                "name": row["name"],
                "active": row["active"],
                "owed": row["owed"],
                "why": " ".join(why(conn, row, now_ms())) or None,
            }
            for row in queries.listed(conn, visible=of, limit=1_000_000)
        ]
    show(rows, as_json)


@webhook.command()
@config_option
@json_option
def deliver(config_path: Path, as_json: bool) -> None:
    """Deliver what is due now, once.

    `pointeuse cloud serve` does so every second by itself.
    """
    from cloud import db, migrations, settings
    from cloud.webhooks.courier import Courier

    with one_line_errors():
        config = settings.load(config_path)
        reading, writing = (
            make(config.database.url) for make in (db.reader_engine, db.writer_engine)
        )
        try:
            with reading.connect() as conn:
                migrations.require_current(conn)
            taken = Courier.of(config, reading, writing).once()
        finally:
            reading.dispose()
            writing.dispose()
    show([{"taken": taken}], as_json)


@webhook.command()
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@database_options
def deactivate(number: int, url: str) -> None:
    """Send nothing more to a webhook, until an administrator of its company activates it."""
    from cloud.audit.service import OPERATOR, note
    from cloud.webhooks import queries, service

    with one_line_errors(), session(url) as conn:
        company = queries.one(conn, number)["company_id"]
        if service.deactivate(conn, company, number):
            note(conn, OPERATOR, "webhook", "deactivate", company_id=company, target_id=number)
