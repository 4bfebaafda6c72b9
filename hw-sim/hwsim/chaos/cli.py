"""`pointeuse sim chaos`: everything fails, and every tap is counted."""

import json
import signal
import sys
from pathlib import Path

import click


@click.command()
@click.option("--taps", type=click.IntRange(1, 5_000_000), default=20_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of every choice.")
@click.option(
    "--database",
    type=click.Choice(["postgresql", "sqlite"]),
    default="postgresql",
    show_default=True,
    help="SQLite has one process of ingest, and is never killed by itself.",
)
@click.option("--terminals", type=click.IntRange(1, 50), default=3, show_default=True)
@click.option("--readers", type=click.IntRange(1, 16), default=4, show_default=True, help="Each.")
@click.option(
    "--rate",
    type=click.FloatRange(1),
    default=1500.0,
    show_default=True,
    help="Taps in a second at most.",
)
@click.option(
    "--kill-every",
    "kill_every_s",
    type=click.FloatRange(0.1),
    default=1.5,
    show_default=True,
    help="Seconds from one kill to the next, on average.",
)
@click.option(
    "--mutant",
    metavar="NAME",
    help="Break the agents on purpose: a name that `pointeuse sim crash --mutant list` gives.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="Leave journals, database and logs in this folder when something is wrong.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def chaos(
    taps: int,
    seed: int,
    database: str,
    terminals: int,
    readers: int,
    rate: float,
    kill_every_s: float,
    mutant: str | None,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Tap badges while processes are killed and connections cut; then count every tap.

    Real terminals, Mosquitto, ingest and PostgreSQL, with a proxy between them that delays, drops,
    cuts and halves connections. Ends with 1 when a tap that was green is not registered exactly
    once, or one is registered that was never made.
    """
    import tempfile

    from hwsim.chaos.campaign import play
    from hwsim.chaos.world import Plan
    from hwsim.crash.mutants import MUTANTS, environment
    from hwsim.errors import SimulatorError

    if mutant is not None and mutant not in MUTANTS:
        raise click.BadParameter(f"there is no mutant {mutant!r}: {', '.join(MUTANTS)}")
    plan = Plan(
        taps, seed, terminals, readers, database=database, rate=rate, kill_every_s=kill_every_s
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    click.echo(f"{taps:,} taps, seed {seed}", err=True)
    try:
        with tempfile.TemporaryDirectory(prefix="pointeuse-mutant-") as directory:
            env = environment(mutant, Path(directory)) if mutant else {}
            result = play(plan, _say, keep=keep, env=env)
    except SimulatorError as error:
        click.echo(f"pointeuse sim chaos: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    found = result.as_json()
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join(f"{name.replace('_', ' '):19} {found[name]}" for name in found))
    for example in result.findings.examples:
        click.echo(example, err=True)
    sys.exit(0 if result.good else 1)


def _say(what: str) -> None:
    click.echo(f"- {what}", err=True)
