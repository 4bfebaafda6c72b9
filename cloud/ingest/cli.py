"""`pointeuse cloud ingest`."""

from pathlib import Path

import click

from cloud.options import config_option, one_line_errors


@click.command()
@config_option
@click.option(
    "--worker",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="Which of the processes of ingest this is: each has a certificate of its own.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def ingest(config_path: Path, worker: int, verbose: bool) -> None:
    """Receive what terminals send, keep it, receipt it and interpret it, until stopped.

    On PostgreSQL several can share the work: make their certificates with
    `pointeuse provision platform --ingests N`, and start one with each number.
    """
    import gc
    import logging
    import signal

    from cloud import migrations, settings
    from cloud.backup.presence import present
    from cloud.configurations.publishing import Publisher
    from cloud.db import writer_engine
    from cloud.errors import RefusedError
    from cloud.ingest.custody import Custody
    from cloud.ingest.generation import settle
    from cloud.ingest.service import Service
    from cloud.interpretation.interpreter import Interpreter
    from cloud.retention.redo import catch_up
    from cloud.sealing import sealing_keys
    from protocol.keyfiles import load_signing_key

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    with one_line_errors():
        config = settings.load(config_path)
        keys = config.directory / "keys"
        config_key = load_signing_key(keys / "config.key")
        receipt_key = load_signing_key(keys / "receipt.key")
        opening = sealing_keys(config.directory)
        if worker > 1 and config.database.url.startswith("sqlite"):
            raise RefusedError("on SQLite one process writes: a second ingest needs PostgreSQL")
        sqlite = config.database.url.startswith("sqlite")
        # SQLite has one writer; and nobody restores while anybody takes messages.
        with present(config.directory, alone=sqlite):
            engine = writer_engine(config.database.url, owner=True)
            with engine.connect() as conn:
                migrations.require_current(conn)
            # Before anything is taken: a database from an older backup has whom nobody should see.
            catch_up(engine, config.directory, config.retention)
            generation = settle(engine, config.directory)
            service = Service(
                config,
                engine,
                Custody(engine, config.directory, generation),
                Interpreter(engine, opening),
                receipt_key,
                Publisher(engine, config_key),
                worker=worker,
            )
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: service.stop())
            # What is there by now stays: no collection need look through it again.
            gc.collect()
            gc.freeze()
            service.run()
            engine.dispose()
