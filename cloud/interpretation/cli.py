"""`pointeuse cloud reinterpret`."""

from pathlib import Path

import click

from cloud.options import config_option, one_line_errors


@click.command()
@config_option
@click.option("--terminal", "device", help="Only this terminal, by its device number.")
def reinterpret(config_path: Path, device: str | None) -> None:
    """Make registrations anew from the records in custody.

    What cannot be understood is tried again. Registrations keep their ids; those that change keep
    their former attribution as history. A running ingest does the work; without one it is done
    here.
    """
    from sqlalchemy import func, select, update

    from cloud import settings
    from cloud.audit.service import OPERATOR, note
    from cloud.custody.branches import is_attributed
    from cloud.custody.tables import epochs, waiting
    from cloud.db import writer_engine
    from cloud.errors import RefusedError
    from cloud.interpretation.interpreter import Interpreter
    from cloud.registrations.tables import registrations
    from cloud.sealing import sealing_keys
    from cloud.terminals.tables import terminals
    from protocol.identity import parse_device_number

    with one_line_errors():
        config = settings.load(config_path)
        opening = sealing_keys(config.directory)
        engine = writer_engine(config.database.url)
        change = update(epochs).where(is_attributed()).values(interpreted_seq=0)
        with engine.begin() as conn:
            if device is not None:
                try:
                    compact = parse_device_number(device)
                except ValueError as error:
                    raise RefusedError(str(error)) from error
                terminal = conn.execute(
                    select(terminals.c.id).where(terminals.c.device == compact)
                ).scalar()
                if terminal is None:
                    raise RefusedError(f"no terminal has device number {device}")
                change = change.where(epochs.c.terminal_id == terminal)
            total = conn.execute(change).rowcount
            told = {"epochs": total, "device": device}
            note(conn, OPERATOR, "registration", "make-anew", detail=told)
        click.echo(f"{total} epochs to interpret ...", err=True)
        Interpreter(engine, opening).run_to_end()
        with engine.begin() as conn:
            made = conn.execute(select(func.count()).select_from(registrations)).scalar_one()
            rest = conn.execute(select(func.count()).select_from(waiting)).scalar_one()
    click.echo(f"{made} registrations; {rest} records wait, not understood")
    engine.dispose()
