"""`pointeuse cloud migrate`."""

import click

from cloud.options import database_options, one_line_errors


@click.command()
@database_options
def migrate(url: str) -> None:
    """Bring the database to the present schema, making it if need be. Safe to run again."""
    from cloud import db, migrations

    with one_line_errors():
        engine = db.writer_engine(url)
        try:
            with engine.connect() as conn:
                before = migrations.current(conn)
            migrations.upgrade(engine)
        finally:
            engine.dispose()
    after = migrations.head()
    what = "is up to date" if before == after else f"brought from {before or 'nothing'}"
    click.echo(f"{db.shown(url)} {what}: revision {after}")
