"""`pointeuse sim demo`: the whole path, on real parts, on this machine."""

import json
import signal
import sys
import tempfile
import threading
from pathlib import Path

import click

from hwsim.panel.cli import panel as panel_command

SEED = 2026


@click.command()
@click.option("--once", is_flag=True, help="Play a fixed scenario, check what came of it, and end.")
@click.option("--panel", is_flag=True, help="Hold the badges yourself: `pointeuse sim panel`.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON object.")
@click.option("--seed", default=SEED, show_default=True, help="Decides every random choice.")
@click.option(
    "--reader",
    metavar="KIND:PLACE",
    help="Tap with real hardware: serial:/dev/ttyUSB0 (RDM6300, ID-12), line:/dev/ttyACM0 (a"
    " scanner), or pcsc:NAME (any reader whose name contains NAME; pcsc: for the first).",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the live demonstration keeps its world.",
)
@click.pass_context
def demo(
    context: click.Context,
    once: bool,
    panel: bool,
    as_json: bool,
    seed: int,
    reader: str | None,
    directory: Path,
) -> None:
    """Start broker, platform and terminals on loopback, and let workers tap."""
    from hwsim.demo.world import make_world
    from hwsim.errors import SimulatorError

    if as_json and not once:
        raise click.UsageError("--json goes with --once")
    if panel:
        if once or reader:
            raise click.UsageError("--panel goes with neither --once nor --reader")
        context.invoke(panel_command, port=0, as_json=False, seed=seed)
        return
    if reader and once:
        raise click.UsageError("--reader is for the live demonstration, not for --once")
    world = make_world(seed)
    stop = threading.Event()
    try:
        if once:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            sys.exit(_once(seed, as_json))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        from hwsim.demo.entrances import hardware_table
        from hwsim.demo.live import run_live

        if reader is not None:
            hardware_table(reader)  # a mistake is said before anything starts
        click.echo(f"starting everything in {directory} (seed {seed}) ...", err=True)
        run_live(directory.resolve(), world, seed, stop, reader, click.echo)
    except SimulatorError as error:
        click.echo(f"pointeuse sim demo: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _once(seed: int, as_json: bool) -> int:
    from hwsim.demo.outcome import compare, complaints, table
    from hwsim.demo.scenario import Scenario
    from hwsim.demo.setting import set_stage
    from hwsim.demo.world import make_world

    def say(what: str) -> None:
        click.echo(f"- {what}", err=True)

    world = make_world(seed)
    with tempfile.TemporaryDirectory(prefix="pointeuse-demo-") as directory:
        click.echo(f"seed {seed}", err=True)
        say("broker, platform and five terminals start")
        with set_stage(Path(directory), world) as stage:
            expected = Scenario(stage, seed, say).play()
            stage.stack.wait_settled(len(expected))
            outcome = compare(expected, stage.stack.registrations())
    if as_json:
        click.echo(json.dumps(outcome.as_json(), ensure_ascii=False))
    else:
        click.echo(table(outcome.registrations))
        click.echo(
            f"\n{outcome.taps} taps: {len(outcome.lost)} lost, {len(outcome.duplicates)} doubled,"
            f" {len(outcome.misattributed)} attributed otherwise"
        )
    for line in complaints(outcome):
        click.echo(line, err=True)
    return 0 if outcome.good else 1
