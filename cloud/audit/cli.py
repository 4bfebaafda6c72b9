"""`pointeuse cloud trail`."""

import click

from cloud.options import database_options, json_option, looked, one_line_errors, session, show


@click.command()
@click.option("--company", help="VAT number or name; else the whole platform's.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@json_option
@database_options
def trail(company: str | None, limit: int, as_json: bool, url: str) -> None:
    """List who changed or looked at what, the newest first. That it was read is a line as well."""
    from cloud.audit import queries
    from cloud.companies.queries import company_id

    with one_line_errors():
        with session(url, write=False) as conn:
            owner = None if company is None else company_id(conn, company)
            rows = queries.listed(conn, company_id=owner, limit=limit)
        looked(url, "trail", "read", company_id=owner)
    show(rows, as_json)
