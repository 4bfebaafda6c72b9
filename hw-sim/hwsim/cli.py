"""`pointeuse sim`: virtual badges and readers to play with."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from hwsim.chaos.cli import chaos
from hwsim.command_line import plainly
from hwsim.crash.cli import crash
from hwsim.demo.cli import demo
from hwsim.lineup.cli import readers
from hwsim.offline.cli import offline
from hwsim.panel.cli import panel


@click.group()
def sim() -> None:
    """Simulate badges, readers and workers."""


sim.add_command(chaos)
sim.add_command(crash)
sim.add_command(demo)
sim.add_command(offline)
sim.add_command(panel)
sim.add_command(readers)


@sim.command()
@click.argument("device", type=click.Path(path_type=Path))
@click.option(
    "--protocol",
    type=click.Choice(["rdm6300", "id12", "line"]),
    default="rdm6300",
    show_default=True,
    help="What the reader sends.",
)
@click.option("--present", "numbers", multiple=True, metavar="NUMBER", help="Present it and end.")
def serial(device: Path, protocol: str, numbers: tuple[str, ...]) -> None:
    """Be a serial reader at DEVICE, a path that is made.

    Without --present, commands are read from standard input, one a line.
    """
    from hwsim.errors import SimulatorError
    from hwsim.serial_reader import SerialReader

    with plainly(), SerialReader(device, protocol) as reader:
        commands: dict[str, Callable[[str], None]] = {
            "present": reader.present,
            "garble": reader.garble,
            "checksum": reader.wrong_checksum,
            "cut": reader.cut,
            "unplug": lambda _: reader.unplug(),
            "replug": lambda _: reader.replug(),
        }
        if not numbers:
            _converse(f"a {protocol} reader at {device}", commands)
        elif not reader.opened():
            raise SimulatorError(f"nobody opened {device} within 10 s; start the agent")
        for number in numbers:
            reader.present(number)
        reader.drained()


@sim.command()
@click.option("--slots", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--slot", type=click.IntRange(0), default=0, show_default=True, help="Which one.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where pcscd's files go.")
@click.option("--tap", "uids", multiple=True, metavar="UID", help="Tap it and end.")
def card(slots: int, slot: int, directory: Path | None, uids: tuple[str, ...]) -> None:
    """Be badges on a virtual reader of a real pcscd, started here.

    Without --tap, commands are read from standard input, one a line. Programs find this pcscd
    through the environment variable printed first.
    """
    from hwsim.cards import RandomUidCard, UidCard
    from hwsim.errors import SimulatorError
    from hwsim.pcscd import Pcscd

    with plainly(), Pcscd(slots, directory=directory) as pcscd:
        if slot >= len(pcscd.slots):
            raise SimulatorError(f"there is no slot {slot}; 0 to {len(pcscd.slots) - 1} are")
        reader = pcscd.slots[slot]

        def tap(uid: str, pull_at: int | None = None) -> None:
            if not reader.tap(UidCard.from_hex(uid), pull_at=pull_at):
                raise SimulatorError("no program spoke to the card within 10 s; start the agent")

        commands: dict[str, Callable[[str], None]] = {
            "tap": tap,
            "insert": lambda uid: reader.insert(UidCard.from_hex(uid)),
            "remove": lambda _: reader.remove(),
            "pull": lambda uid: tap(uid, 1),
            "random": lambda seed: reader.insert(RandomUidCard(int(seed or 0))),
            "kill": lambda _: pcscd.kill(),
            "start": lambda _: pcscd.start(),
        }
        for name, value in pcscd.environment.items():
            click.echo(f"export {name}={value}")
        if not uids:
            _converse(f"a card for {reader.reader!r}", commands)
        for uid in uids:
            tap(uid)


@sim.command()
@click.option("--terminals", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of every draw.")
@click.option(
    "--outage",
    "outage_s",
    type=click.FloatRange(0),
    default=600.0,
    show_default=True,
    help="Seconds for which the broker is away.",
)
@click.option(
    "--accepts",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Connections the broker accepts in a second.",
)
@click.option(
    "--backoff",
    "backoff_s",
    type=click.FloatRange(0.01),
    default=1.0,
    show_default=True,
    help="The terminals' backoff_s: the longest first delay, in seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw it into this SVG file.")
def reconnect(
    terminals: int,
    seed: int,
    outage_s: float,
    accepts: int,
    backoff_s: float,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Let many terminals come back after an outage, with the agent's back-off.

    Beside it the same without jitter. Times are simulated; it takes seconds.
    """
    from hwsim import reconnect as simulation

    outage = simulation.Outage(terminals, outage_s, accepts, backoff_s)
    click.echo(f"{terminals:,} terminals, with jitter and without, seed {seed} ...", err=True)
    with plainly():
        returns = simulation.compare(outage, seed)
        found = simulation.report(outage, seed, returns)
        if plot is not None:
            simulation.plot(plot, outage, seed, returns)
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, words in (("jitter", "full jitter"), ("no_jitter", "no jitter")):
        each = found[name]
        click.echo(
            f"{words:<12} at most {each['peak_arrivals_per_s']:,} arrivals a second,"
            f" 99 % back after {each['back_99_percent_s']:,} s, {each['attempts']:,} attempts"
        )


def _converse(what: str, commands: dict[str, Callable[[str], None]]) -> None:
    """Obey lines of standard input to its end; a mistake is said, and the next line is read."""
    from hwsim.errors import SimulatorError

    names = ", ".join(commands)
    click.echo(f"{what}; commands: {names}; the end of the input ends it", err=True)
    for line in sys.stdin:
        name, _, argument = line.strip().partition(" ")
        if name and name not in commands:
            click.echo(f"{name!r} is no command; {names} are", err=True)
        elif name:
            try:
                commands[name](argument.strip())
            except (SimulatorError, ValueError) as error:
                click.echo(str(error), err=True)
