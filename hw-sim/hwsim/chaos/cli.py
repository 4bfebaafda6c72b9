"""`pointeuse sim chaos`: everything fails, and every tap is counted."""

from pathlib import Path

import click

from hwsim.command_line import conclude, plainly, say
from hwsim.interrupts import interruptible


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
    from hwsim.crash.mutants import environment

    plan = Plan(
        taps, seed, terminals, readers, database=database, rate=rate, kill_every_s=kill_every_s
    )
    click.echo(f"{taps:,} taps, seed {seed}", err=True)
    with (
        plainly(),
        interruptible(),
        tempfile.TemporaryDirectory(prefix="pointeuse-mutant-") as directory,
    ):
        env = environment(mutant, Path(directory)) if mutant else {}
        result = play(plan, say, keep=keep, env=env)
    conclude(result.as_json(), result.findings.examples, good=result.good, as_json=as_json)
