"""`pointeuse sim crash`: the power goes at any write, and what the disk may hold is reopened."""

import json
import sys
from pathlib import Path

import click

from hwsim.command_line import conclude, plainly, say
from hwsim.interrupts import interruptible


@click.command()
@click.option("--states", type=click.IntRange(1), default=5000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of every draw.")
@click.option(
    "--mutant",
    metavar="NAME",
    help="Break the agent on purpose: `--mutant list` names the ways.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="Write the first disk on which something is wrong into this folder.",
)
@click.option(
    "--again",
    type=click.Path(path_type=Path),
    help="Only reopen the disk that --keep wrote into this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def crash(
    states: int,
    seed: int,
    mutant: str | None,
    keep: Path | None,
    again: Path | None,
    as_json: bool,
) -> None:
    """Cut a terminal's power at any write, and reopen what the disk may hold.

    A real agent is recorded under strace through five lives; then STATES disks that power cuts may
    leave are reopened by its own recovery. Ends with 1 when a tap that was green is missing, or
    something else is wrong.
    """
    from hwsim.crash import kept
    from hwsim.crash.explorer import explore
    from hwsim.crash.mutants import MUTANTS

    if again is not None:
        with plainly():
            problem = kept.again(again)
        click.echo(json.dumps({"problem": problem}) if as_json else problem or "nothing is wrong")
        sys.exit(1 if problem else 0)

    if mutant == "list":
        for name, each in MUTANTS.items():
            click.echo(f"{name:22} {each.what}")
        return
    with plainly(), interruptible():
        result = explore(states, seed, mutant=mutant, keep=keep, say=say)
    wrong = []
    if (first := result.first) is not None:
        where = f"state {first.state} of seed {seed}, cut after operation {first.cut}"
        wrong.append(f"{where}, left {first.how!r}: {first.problem}")
    conclude(result.as_json(), wrong, good=not wrong, as_json=as_json)
