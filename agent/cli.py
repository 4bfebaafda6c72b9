"""`pointeuse agent`: the commands of a terminal."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from agent.badges.cli import credentials
from agent.doctor.cli import doctor

CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False),
    default="/etc/pointeuse/agent.toml",
    show_default=True,
    help="The terminal's configuration.",
)


@click.group()
def agent() -> None:
    """Run and look after a terminal."""


agent.add_command(credentials)
agent.add_command(doctor)


@agent.command()
@CONFIG
@click.option("--show", is_flag=True, help="Draw each tap here, in colour.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(config_path: str, show: bool, verbose: bool) -> None:
    """Capture taps, and deliver them, until stopped."""
    import logging

    from agent.config import load
    from agent.main import Agent
    from agent.queue.errors import JournalError
    from protocol.errors import KeyFileError
    from protocol.settings import SettingsError

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        Agent(load(Path(config_path)), show=show).run()
    except (SettingsError, KeyFileError) as error:
        _fail(str(error))
    except JournalError as error:
        _fail(str(error), 1)  # a lock goes away: systemd is to try again


@agent.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(config_path: str, as_json: bool) -> None:
    """Say how the running agent is."""
    from agent.config import load
    from agent.status import ask
    from protocol.settings import SettingsError

    try:
        state = load(Path(config_path)).state
        found = ask(state)
    except SettingsError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"no agent answers in {state}: {error.strerror}; start it with `pointeuse agent run`")
    if as_json:
        click.echo(json.dumps(found))
        return
    _print(found)


@agent.command()
@CONFIG
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; by default <device number>.pointeuse, here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(config_path: str, out: Path | None, as_json: bool) -> None:
    """Write all that this terminal holds to one file, who tapped still sealed.

    The running agent is asked for it, page by page; when none runs, its journal is read. Check the
    file with `pointeuse verify`.
    """
    import msgspec

    from agent.config import load
    from agent.proof import export as exporting
    from agent.proof.progress import Progress
    from agent.proof.sources import open_source
    from agent.queue.errors import JournalError
    from protocol.errors import ProtocolError
    from protocol.identity import device_number
    from protocol.settings import SettingsError

    try:
        state = load(Path(config_path)).state
        with open_source(state, (out or Path()).absolute().parent) as source:
            device = device_number(source.key.thumbprint)
            path = out or Path(f"{device}.pointeuse")
            progress = Progress("exported")
            counts = exporting.export(source, path, progress)
            progress.end()
    except (SettingsError, ProtocolError) as error:
        _fail(str(error))
    except JournalError as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(f"cannot write {error.filename or out or 'here'}: {error.strerror or error}", 1)
    found = {"file": str(path), "device": device, **msgspec.structs.asdict(counts)}
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"{path}: {counts.records} records of {counts.epochs} epochs of terminal {device}")
    click.echo("who tapped is sealed in it; check it with `pointeuse verify`")


@agent.command("bench-storage")
@CONFIG
@click.option(
    "--directory",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Measure the disk of this directory, not of the configured state directory.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=6.0, show_default=True, help="How long."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_storage(config_path: str, directory: Path | None, seconds: float, as_json: bool) -> None:
    """Measure whether the SD card or disk is good enough for a journal.

    Takes 64 MiB meanwhile and leaves nothing behind. A running agent's taps wait a little longer
    while it runs. Exit code 1: too slow.
    """
    import msgspec

    from agent.bench_storage import A1_IOPS, A2_IOPS, NoRoomError, Verdict, measure
    from agent.config import load
    from protocol.settings import SettingsError

    where = directory
    try:
        where = where or load(Path(config_path)).state
        found = measure(where, seconds, lambda what: click.echo(f"{what}...", err=True))
    except (SettingsError, NoRoomError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"cannot measure in {where}: {error.strerror or error}")
    if as_json:
        said = {"verdict": found.verdict.value, "advice": found.advice}
        click.echo(json.dumps(msgspec.to_builtins(found) | said))
    else:
        click.echo(
            f"append    {found.append_p50_ms:.2f} ms (p50), {found.append_p99_ms:.2f} ms (p99),"
            f" {found.append_max_ms:.2f} ms at most, over {found.appends}\n"
            f"random    {found.random_write_iops:.0f} writes/s"
            f" (class A1 asks {A1_IOPS}, A2 {A2_IOPS})\n"
            f"verdict   {found.advice}"
        )
    if found.verdict is Verdict.TOO_SLOW:
        raise SystemExit(1)


def _print(found: dict[str, Any]) -> None:
    click.echo(f"device    {found['device']}  (version {found['version']})")
    click.echo(
        f"journal   epoch {found['epoch']}, {found['head']} records, {found['queue']} waiting"
    )
    uplink = found["uplink"]
    click.echo(f"uplink    {uplink['state']} {uplink['detail']}".rstrip())
    click.echo(f"clock     {found['clock']['sync']}")
    click.echo(f"settings  {_settings(found['configuration'])}")
    for name, reader in found["readers"].items():
        click.echo(f"reader    {name}: {reader['state']}, {reader['detail']}")
    for name, detail in found["alarms"].items():
        click.secho(f"alarm     {name}: {detail}", fg="red")


def _settings(told: dict[str, Any]) -> str:
    number = f"configuration {told['number']}" if told["number"] else "agent.toml alone"
    least = told["least_assurance"] or "any"
    return f"{number}: least assurance {least}, {told['blocked']} badges blocked"


def _fail(message: str, status: int = 2) -> NoReturn:
    click.echo(f"pointeuse: {message}", err=True)
    raise SystemExit(status)
