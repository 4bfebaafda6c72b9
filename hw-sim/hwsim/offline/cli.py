"""`pointeuse sim offline`: a year and more without a network, in minutes."""

import json
import signal
import sys

import click


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
    from hwsim.errors import SimulatorError
    from hwsim.offline import plan
    from hwsim.offline.play import play

    def say(what: str) -> None:
        click.echo(f"- {what}", err=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    click.echo(f"{days:,} days, {taps:,} taps, seed {seed}", err=True)
    try:
        result = play(plan.make(days, taps, seed), days, seed, say)
    except SimulatorError as error:
        click.echo(f"pointeuse sim offline: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    found = result.as_json()
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join(f"{name.replace('_', ' '):17} {found[name]:,}" for name in found))
    for example in result.findings.examples:
        click.echo(example, err=True)
    sys.exit(0 if result.good else 1)
