"""`pointeuse cloud export`."""

import json
import os
from pathlib import Path

import click

from cloud.options import database_options, json_option, looked, one_line_errors


@click.command()
@click.option("--company", required=True, help="VAT number or name.")
@click.option("--format", "form", type=click.Choice(["csv", "xlsx"]), default="csv")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, mode 0600.",
)
@click.option("--number", type=click.IntRange(1), help="Write a snapshot that was made already.")
@json_option
@database_options
def export(company: str, form: str, out: Path, number: int | None, as_json: bool, url: str) -> None:
    """Make the next snapshot of all that a company sees, and write it to a file.

    The first one holds all registrations; each later one what is new and what changed since.
    """
    from cloud import db, migrations
    from cloud.audit.service import OPERATOR
    from cloud.companies.queries import company_id
    from cloud.errors import CloudError, NotFoundError
    from cloud.exports import queries, service, sheets
    from cloud.exports.completeness import told
    from cloud.visibility.rules import program

    reading, writing = db.reader_engine(url), db.writer_engine(url)
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with one_line_errors():
            with reading.connect() as conn:
                migrations.require_current(conn)
                who = program(company_id(conn, company))
            if number is None:
                made = service.make(reading, writing, who, OPERATOR, progress=_progress)
            with reading.connect() as conn:
                if number is not None:
                    made = queries.numbered(conn, who, number)
                found = queries.held(conn, who, made)
                if number is not None:
                    about = {"company_id": who.company_id, "target_id": made}
                    looked(url, "export", "download", **about, detail={"format": form})
                try:
                    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                        if form == "xlsx":
                            sheets.write_xlsx(queries.rows(conn, found), file)
                        else:
                            file.writelines(sheets.as_csv(queries.rows(conn, found)))
                    temporary.replace(out)
                except FileNotFoundError:
                    raise NotFoundError(f"cannot write {out}: there is no such directory") from None
                except OSError as error:
                    raise CloudError(f"cannot write {out}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
        reading.dispose()
        writing.dispose()
    said = {
        "file": str(out),
        "number": found["number"],
        "since": found["since_number"],
        "rows": found["rows"],
        "incomplete": told(found["incomplete"], str),
    }
    if as_json:
        click.echo(json.dumps(said))
        return
    goes_on = "" if found["since_number"] is None else f", since snapshot {found['since_number']}"
    click.echo(f"{out}: snapshot {found['number']}{goes_on}, {found['rows']} rows")
    for each in told(found["incomplete"]):
        click.echo(f"not complete: {each['device']}: {each['why']}")


def _progress(rows: int) -> None:
    click.echo(f"\r{rows} rows", nl=False, err=True)
