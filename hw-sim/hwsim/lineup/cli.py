"""`pointeuse sim readers`."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict

import click

from hwsim.command_line import plainly, say
from hwsim.interrupts import interruptible
from hwsim.lineup.outcomes import Outcome
from hwsim.lineup.trial import Trial


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table of docs/readers.md.")
def readers(as_json: bool, as_markdown: bool) -> None:
    """Hold every badge to every reader that has a field for it.

    All readers are simulated and plugged into one terminal, whose agent is real, as are pcscd, the
    broker and the platform where what it recorded is looked up. Takes about 20 s. A time is from
    the moment a badge is held there until the worker is told, the simulated reader's own included.
    Exit code 1: something is not what it must be.
    """
    from hwsim.lineup.table import markdown
    from hwsim.lineup.trial import trials

    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown are two forms of the same; choose one")
    with plainly(), interruptible():
        found = trials(say)
    if as_json:
        click.echo(json.dumps(report(found)))
    elif as_markdown:
        click.echo(markdown(found), nl=False)
    else:
        _print(found)
    wrong = [trial for trial in found if not trial.good]
    for trial in wrong:
        click.echo(
            f"{trial.family}, {trial.badge}: {_words(trial.found)} in place of"
            f" {_words(trial.expected)}",
            err=True,
        )
    sys.exit(1 if wrong else 0)


def report(found: Iterable[Trial]) -> dict[str, object]:
    """What was found, as JSON has it."""
    each = [
        {"family": trial.family, "badge": trial.badge, **asdict(trial.found)}
        | {"ms": trial.ms, "good": trial.good}
        for trial in found
    ]
    return {"trials": each, "count": len(each), "wrong": sum(not one["good"] for one in each)}


def _print(found: list[Trial]) -> None:
    columns = [max(len(getattr(trial, name)) for trial in found) for name in ("family", "badge")]
    for trial in found:
        click.echo(
            f"{trial.family:{columns[0]}}  {trial.badge:{columns[1]}}  {trial.ms:7.1f} ms"
            f"  {_words(trial.found)}"
        )


def _words(outcome: Outcome) -> str:
    if outcome.refused is not None:
        return f"not recorded: {outcome.refused}"
    return ", ".join(
        [f"{outcome.profile} {outcome.number}", str(outcome.assurance), *outcome.flags]
    )
