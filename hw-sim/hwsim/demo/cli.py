"""`pointeuse sim demo`: the whole path, on real parts, on this machine."""

import json
import sys
import tempfile
from pathlib import Path

import click

from hwsim.command_line import plainly, say
from hwsim.interrupts import interruptible
from hwsim.panel.cli import panel as panel_command

SEED = 2026


@click.command()
@click.option("--once", is_flag=True, help="Play a fixed scenario, check what came of it, and end.")
@click.option("--panel", is_flag=True, help="Hold the badges yourself: `pointeuse sim panel`.")
@click.option(
    "--json", "as_json", is_flag=True, help="With --once or --panel: print one JSON object."
)
@click.option("--seed", default=SEED, show_default=True, help="Decides every random choice.")
@click.option(
    "--reader",
    metavar="KIND:PLACE",
    help="Tap with real hardware: serial:/dev/ttyUSB0 (RDM6300, ID-12), line:/dev/ttyACM0 (a"
    " scanner), twn4: or pn532: and a device, wedge:/dev/input/by-id/... (a scanner that is a"
    " keyboard), or pcsc:NAME (any reader whose name contains NAME; pcsc: for the first).",
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
    """Start broker, platform and terminals on loopback, and let workers tap.

    Prints the address of the platform's page and who may log in there; Ctrl-C stops everything.
    What was registered is still there the next time, in --directory; remove it to begin anew.
    """
    if panel and (once or reader):
        raise click.UsageError("--panel goes with neither --once nor --reader")
    if as_json and not (once or panel):
        raise click.UsageError("--json goes with --once or --panel")
    if reader and once:
        raise click.UsageError("--reader is for the live demonstration, not for --once")
    if panel:
        context.invoke(panel_command, port=0, as_json=as_json, seed=seed)
        return
    with plainly(), interruptible():
        from hwsim.demo.entrances import hardware_table
        from hwsim.demo.live import run_live
        from hwsim.demo.world import make_world

        if once:
            sys.exit(_once(seed, as_json))
        if reader is not None:
            hardware_table(reader)  # a mistake is said before anything starts
        say(f"everything is kept in {directory} (seed {seed})")
        run_live(directory.resolve(), make_world(seed), seed, reader, click.echo)


def _once(seed: int, as_json: bool) -> int:
    from hwsim.demo.outcome import compare, complaints, table
    from hwsim.demo.scenario import Scenario
    from hwsim.demo.setting import set_stage
    from hwsim.demo.world import make_world

    world = make_world(seed)
    with tempfile.TemporaryDirectory(prefix="pointeuse-demo-") as directory:
        say(f"seed {seed}")
        with set_stage(Path(directory), world, say) as stage:
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
