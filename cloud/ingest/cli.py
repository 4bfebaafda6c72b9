"""`pointeuse cloud ingest`."""

from pathlib import Path

import click

from cloud.options import config_option, one_line_errors


@click.command()
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def ingest(config_path: Path, verbose: bool) -> None:
    """Receive what terminals send, keep it, receipt it and interpret it, until stopped."""
    import logging
    import signal

    from cloud import settings
    from cloud.db import writer_engine
    from cloud.ingest.custody import Custody
    from cloud.ingest.generation import settle
    from cloud.ingest.service import Service
    from cloud.interpretation.interpreter import Interpreter
    from protocol.keyfiles import load_sealing_key, load_signing_key

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    with one_line_errors():
        config = settings.load(config_path)
        keys = config.directory / "keys"
        receipt_key = load_signing_key(keys / "receipt.key")
        sealing_key = load_sealing_key(keys / "sealing.key")
        engine = writer_engine(config.database.url, owner=True)
        generation = settle(engine, config.directory)
    service = Service(
        config,
        engine,
        Custody(engine, config.directory, generation),
        Interpreter(engine, [sealing_key]),
        receipt_key,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: service.stop())
    service.run()
    engine.dispose()
