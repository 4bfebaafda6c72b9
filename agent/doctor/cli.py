"""`pointeuse agent doctor`."""

import json
from pathlib import Path

import click

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "fault": ("✗", "red")}


@click.command()
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default="/etc/pointeuse/agent.toml",
    show_default=True,
    help="The terminal's configuration.",
)
@click.option("--present", is_flag=True, help="Then show what each badge held to a reader is.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(config_path: Path, present: bool, as_json: bool) -> None:
    """Find what is wrong with this terminal, and say what to do about it.

    Looks at the configuration, keys and certificates, badge profiles, clock and disk, and, when no
    agent runs, tries the readers and the way to the broker itself. Changes nothing. Exits with 1
    when there is a fault.
    """
    from agent.doctor.examination import examine, worst

    findings = []
    for finding in examine(config_path, lambda what: click.echo(f"{what}...", err=True)):
        findings.append(finding)
        if not as_json:
            mark, colour = _MARKS.get(finding.verdict.value, ("-", "white"))
            click.secho(f"{mark} {finding.check}, {finding.about}: {finding.found}", fg=colour)
            if finding.fix:
                click.echo(f"    {finding.fix}")
    verdict = worst(findings)
    if as_json:
        said = {"verdict": verdict.value, "findings": [each.as_json() for each in findings]}
        click.echo(json.dumps(said, ensure_ascii=False))
    if present:
        _present(config_path)
    raise SystemExit(verdict.value == "fault")


def _present(config_path: Path) -> None:
    """Show badges until Ctrl-C."""
    import signal
    import threading

    from agent.config import load
    from agent.doctor.examination import UnansweredError, cards, running
    from agent.doctor.readers import presented
    from protocol.settings import SettingsError

    try:
        config = load(config_path)
    except SettingsError:
        return
    try:
        held = running(config.state) is not None
    except UnansweredError:
        held = True
    if held:
        click.echo("an agent runs and has the readers: stop it to try badges here", err=True)
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    click.echo("hold badges to the readers; Ctrl-C ends it, and nothing is recorded", err=True)
    for found in presented(config.readers, cards(config), config.state, stop):
        click.echo(f"{found.reader}: {found.words}")
