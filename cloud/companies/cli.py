"""`pointeuse cloud company`."""

import click

from cloud.options import database_options, json_option, one_line_errors, session, show


@click.group()
def company() -> None:
    """Companies, their divisions and sites."""


@company.command()
@click.option("--vat", required=True, help="VAT number; without a country it is Belgian.")
@click.option("--name", required=True)
@json_option
@database_options
def add(vat: str, name: str, as_json: bool, url: str) -> None:
    """Register a company."""
    from cloud.audit.service import OPERATOR, note
    from cloud.companies import service
    from cloud.companies.vat import normalise

    with one_line_errors(), session(url) as conn:
        number = service.register(conn, vat, name)
        note(conn, OPERATOR, "company", "register", company_id=number, target_id=number)
    show([{"id": number, "vat": normalise(vat), "name": name}], as_json)


@company.command("list")
@json_option
@database_options
def listed(as_json: bool, url: str) -> None:
    """List registered companies."""
    from cloud.companies import queries

    with one_line_errors(), session(url, write=False) as conn:
        rows = queries.listed(conn, limit=10_000)
    show([{key: row[key] for key in ("id", "vat", "name")} for row in rows], as_json)


@company.command()
@click.option("--company", required=True, help="VAT number or name.")
@click.option("--division", required=True)
@click.option("--site", required=True)
@click.option("--address")
@click.option("--workplace-id", help="Checkinatwork's id of the place, 13 characters.")
@json_option
@database_options
def site(
    company: str,
    division: str,
    site: str,
    address: str | None,
    workplace_id: str | None,
    as_json: bool,
    url: str,
) -> None:
    """Enter a site, and its division if need be."""
    from cloud.audit.service import OPERATOR, note
    from cloud.companies import queries, service

    with one_line_errors(), session(url) as conn:
        owner = queries.company_id(conn, company)
        part = service.put_division(conn, owner, division)
        number = service.put_site(conn, part, site, address=address, workplace_id=workplace_id)
        given = {"address": address, "workplace_id": workplace_id}
        detail = {name: value for name, value in given.items() if value is not None}
        detail |= {"division": division, "name": site}
        note(conn, OPERATOR, "site", "enter", company_id=owner, target_id=number, detail=detail)
    show([{"id": number, "company": company, "division": division, "site": site}], as_json)


@company.command()
@json_option
@database_options
def sites(as_json: bool, url: str) -> None:
    """List sites, with their divisions and companies."""
    from cloud.companies import queries

    with one_line_errors(), session(url, write=False) as conn:
        show(queries.listed_sites(conn, limit=10_000), as_json)
