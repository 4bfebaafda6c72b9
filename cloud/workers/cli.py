"""`pointeuse cloud worker` and `pointeuse cloud badge`."""

import click

from cloud.options import database_options, json_option, one_line_errors, session, show

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
    from cloud.companies.queries import company_id
    from cloud.workers import service

    with one_line_errors(), session(url) as conn:
        owner = company_id(conn, company)
        made = service.put_worker(conn, owner, number, given_name, family_name, active=active)
    show([{"id": made, "company": company, "number": number}], as_json)


@worker.command("list")
@_COMPANY
@json_option
@database_options
def listed(company: str, as_json: bool, url: str) -> None:
    """List the workers of a company."""
    from cloud.companies.queries import company_id
    from cloud.workers import queries

    with one_line_errors(), session(url, write=False) as conn:
        show(queries.listed(conn, company_id(conn, company), limit=100_000), as_json)


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

    PROFILE is how it is read: uid, em4100, printed...
    """
    from cloud.companies.queries import company_id
    from cloud.workers import queries, service

    with one_line_errors(), session(url) as conn:
        owner = queries.worker_id(conn, company_id(conn, company), worker_number)
        service.link_badge(conn, service.put_badge(conn, profile, number), owner)


@badge.command()
@click.argument("profile")
@click.argument("number")
@database_options
def unlink(profile: str, number: str, url: str) -> None:
    """Say that a badge is nobody's."""
    from cloud.workers import service

    with one_line_errors(), session(url) as conn:
        service.link_badge(conn, service.put_badge(conn, profile, number), None)
