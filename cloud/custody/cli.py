"""`pointeuse cloud archive`."""

import io
from pathlib import Path

import click

from cloud.options import database_options, looked, one_line_errors, session


@click.command()
@click.argument("device")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, mode 0600.",
)
@database_options
def archive(device: str, out: Path, url: str) -> None:
    """Write all that custody holds of a terminal to one file; `pointeuse verify` checks it.

    Who tapped is sealed in it, or was erased: the chain verifies either way.
    """
    from cloud.custody.archive import write
    from cloud.files import replace
    from cloud.terminals.queries import owner_at, terminal_id
    from cloud.times import now_ms

    with one_line_errors():
        file = io.BytesIO()
        with session(url, write=False) as conn:
            number = terminal_id(conn, device)
            owner = owner_at(conn, number, now_ms())
            counts = write(conn, number, file)
        looked(url, "terminal", "archive", company_id=owner, target_id=number)
        replace(out, file.getvalue())
    click.echo(f"{out}: {counts.records} records of {counts.epochs} epochs")
