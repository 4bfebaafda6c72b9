"""`pointeuse sim offline`: a year and more without a network, in minutes."""

import click

from hwsim.command_line import conclude, plainly, say
from hwsim.interrupts import interruptible


@click.command()
@click.option("--days", type=click.IntRange(1, 3650), default=400, show_default=True)
@click.option(
    "--taps",
    type=click.IntRange(2, 5_000_000),
    default=4000,
    show_default=True,
    help="A million take minutes.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of every draw.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def offline(days: int, taps: int, seed: int, as_json: bool) -> None:
    """Leave a terminal offline for DAYS, and look at every tap once it is back.

    A real agent runs under a simulated clock that drifts, is unset by power cycles, stepped back,
    and years ahead for a while; meanwhile the platform's keys are replaced. Ends with 1 when a tap
    is lost, doubled, or dated wrongly beyond the bound that the platform gives.
    """
    from hwsim.offline import plan
    from hwsim.offline.play import play

    click.echo(f"{days:,} days, {taps:,} taps, seed {seed}", err=True)
    with plainly(), interruptible():
        result = play(plan.make(days, taps, seed), days, seed, say)
    conclude(result.as_json(), result.findings.examples, good=result.good, as_json=as_json)
