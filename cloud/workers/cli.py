"""`pointeuse cloud worker` and `pointeuse cloud badge`."""

from pathlib import Path

import click

from cloud.options import (
    config_option,
    database_options,
    json_option,
    looked,
    one_line_errors,
    session,
    show,
)
from cloud.subjects.cli import worker_data, worker_erase

_COMPANY = click.option("--company", required=True, help="VAT number or name.")


@click.group()
def worker() -> None:
    """Workers of companies."""


@worker.command()
@_COMPANY
@click.option("--number", required=True, help="Unique in the company.")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--active/--inactive", default=True)
@json_option
@database_options
def add(
    company: str,
    number: str,
    given_name: str,
    family_name: str,
    active: bool,
    as_json: bool,
    url: str,
) -> None:
    """Enter a worker, or change the one with this number."""
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id
    from cloud.webhooks import outbox
    from cloud.webhooks.events import Event
    from cloud.workers import service

    with one_line_errors(), session(url) as conn:
        owner = company_id(conn, company)
        made, event = service.enter(conn, owner, number, given_name, family_name, active=active)
        if event is not None:
            outbox.tell(conn, event, owner, [made])
            action = "create" if event is Event.WORKER_CREATED else "change"
            note(conn, OPERATOR, "worker", action, company_id=owner, target_id=made)
    show([{"id": made, "company": company, "number": number}], as_json)


@worker.command("list")
@_COMPANY
@json_option
@database_options
def listed(company: str, as_json: bool, url: str) -> None:
    """List the workers of a company."""
    from cloud.companies.queries import company_id
    from cloud.workers import queries

    with one_line_errors():
        with session(url, write=False) as conn:
            owner = company_id(conn, company)
            rows = queries.listed(conn, owner, limit=100_000)
        looked(url, "worker", "list", company_id=owner, detail={"count": len(rows)})
    show(rows, as_json)


@worker.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_COMPANY
@click.option("--apply", is_flag=True, help="Enter them; else it is only shown what would be.")
@json_option
@config_option
def import_(file: Path, company: str, apply: bool, as_json: bool, config_path: Path) -> None:
    """Enter the workers in a CSV file: all of them, or none when a row is wrong.

    The first line names the columns: number, given name, family name, and if there are any INSS,
    badge, active; in French, Dutch, German or English. Exits with 1 when a row is refused.
    """
    from cloud import settings
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id
    from cloud.workers import importing, sheets
    from cloud.workers.vault import Vault

    with one_line_errors():
        config = settings.load(config_path)
        vault = Vault.open(config.directory)
        rows = list(sheets.rows(sheets.read(file)))
        url = config.database.url
        with session(url, write=apply) as conn:
            owner = company_id(conn, company)
            planned = importing.plan(conn, owner, rows, vault)
            refused = any(row.fate is importing.Fate.REFUSE for row in planned)
            if apply and not refused:
                counts = importing.apply(conn, owner, planned)
                note(conn, OPERATOR, "worker", "import", company_id=owner, detail=counts)
        if refused or not apply:
            looked(url, "worker", "preview", company_id=owner, detail={"rows": len(rows)})
    show(
        [{"line": row.line, "fate": row.fate.value, "detail": row.detail} for row in planned],
        as_json,
    )
    if refused:
        click.echo("pointeuse: nothing was entered: mend the refused rows first", err=True)
        raise SystemExit(1)
    if not apply:
        click.echo("nothing was entered yet: give --apply", err=True)


worker.add_command(worker_data, "data")
worker.add_command(worker_erase, "erase")


@click.group()
def badge() -> None:
    """Badges, and whose they are."""


@badge.command()
@click.argument("profile")
@click.argument("number")
@_COMPANY
@click.option("--worker", "worker_number", required=True, help="The worker's number.")
@database_options
def link(profile: str, number: str, company: str, worker_number: str, url: str) -> None:
    """Say whose badge it is; what was registered with it is attributed again.

    PROFILE is how it is read: uid, em4100, printed... A badge that is somebody else's has to be
    unlinked first.
    """
    from cloud.audit.service import OPERATOR, note
    from cloud.companies.queries import company_id
    from cloud.companies.service import lock
    from cloud.text import masked
    from cloud.webhooks import outbox
    from cloud.webhooks.events import Event
    from cloud.workers import badging, queries, service

    with one_line_errors(), session(url) as conn:
        owner = company_id(conn, company)
        lock(conn, owner)
        holder = queries.worker_id(conn, owner, worker_number)
        key = service.normalise(profile, number)
        taken = badging.take(conn, owner, holder, key)
        if taken.worker_id == holder:
            return
        outbox.tell(conn, Event.WORKER_CHANGED, owner, [holder])
        detail = {"badge": taken.id, "number": masked(key[1])}
        note(conn, OPERATOR, "badge", "link", company_id=owner, target_id=holder, detail=detail)


@badge.command()
@click.argument("profile")
@click.argument("number")
@database_options
def unlink(profile: str, number: str, url: str) -> None:
    """Say that a badge is nobody's."""
    from cloud.audit.service import OPERATOR, note
    from cloud.text import masked
    from cloud.webhooks import outbox
    from cloud.webhooks.events import Event
    from cloud.workers import queries, service

    with one_line_errors(), session(url) as conn:
        number_of_it = service.put_badge(conn, profile, number)
        holder = queries.holder(conn, number_of_it)
        service.link_badge(conn, number_of_it, None)
        company, held_by = (None, None) if holder is None else (holder.company_id, holder.id)
        detail = {"badge": number_of_it, "number": masked(service.normalise(profile, number)[1])}
        note(
            conn, OPERATOR, "badge", "unlink",
            company_id=company, target_id=held_by, detail=detail,
        )  # fmt: skip
        if holder is not None:
            outbox.tell(conn, Event.WORKER_CHANGED, holder.company_id, [holder.id])
