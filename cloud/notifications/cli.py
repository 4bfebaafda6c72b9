"""`pointeuse cloud notify`."""

from pathlib import Path

import click

from cloud.options import config_option, json_option, one_line_errors, show


@click.command()
@config_option
@click.option("--db", "db_url", help="The database's URL, instead of the configuration's.")
@json_option
def notify(config_path: Path, db_url: str | None, as_json: bool) -> None:
    """Look once for what people are to be told of, and for what is over; mail what is to be.

    `pointeuse cloud serve` does so every minute by itself. With --db nothing is mailed.
    """
    from cloud import db, migrations, settings
    from cloud.errors import CloudError
    from cloud.notifications.watch import once
    from cloud.times import now_ms

    with one_line_errors():
        config = settings.Config() if db_url else settings.load(config_path)
        engine = db.writer_engine(db_url or config.database.url)
        try:
            with engine.connect() as conn:
                migrations.require_current(conn)
            opened = once(engine, now_ms(), config.mail if config.mail.host else None)
        except OSError as error:
            raise CloudError(
                f"mail.host, mail.port: {config.mail.host}:{config.mail.port} takes no mail"
                f" ({error}); it is tried again by the next `pointeuse cloud notify` or `serve`"
            ) from error
        finally:
            engine.dispose()
    show([{"opened": opened}], as_json)
