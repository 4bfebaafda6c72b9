"""The `pointeuse` command: its groups, each imported only when it is used."""

import importlib
import sys
from typing import Any

import click

from protocol import VERSION

_GROUPS = {
    "agent": ("agent.cli", "agent", "Run and look after a terminal."),
    "verify": ("agent.proof.cli", "verify", "Check a journal, an export or a disclosure."),
    "provision": ("provisioning.cli", "provision", "Make keys, certificates, broker settings."),
    "cloud": ("cloud.cli", "cloud", "Run the platform."),
    "sim": ("hwsim.cli", "sim", "Simulate badges, readers and workers."),
}
_EXTRAS = {
    "alembic": "cloud",
    "fastapi": "cloud",
    "jinja2": "cloud",
    "psycopg": "cloud",
    "sqlalchemy": "cloud",
    "stdnum": "cloud",
    "uvicorn": "cloud",
    "nfc": "pn532",
    "smartcard": "pcsc",
}


class _Lazy(click.Group):
    """Knows its groups by name; imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_GROUPS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _GROUPS:
            return super().get_command(ctx, cmd_name)
        module, name, _ = _GROUPS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, summary) for name, (_, _, summary) in _GROUPS.items()]
        for name in super().list_commands(ctx):
            command = super().get_command(ctx, name)
            if command is not None:
                rows.append((name, command.get_short_help_str()))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=_Lazy)
@click.version_option(VERSION, prog_name="pointeuse")
def cli() -> None:
    """Badge terminals at site entrances, and the platform behind them."""


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, to be evaluated by it."""
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    if completer is None:  # click knows all three
        raise click.ClickException(f"no completion for {shell}")
    source = completer(cli, {}, "pointeuse", "_POINTEUSE_COMPLETE")
    # Not source(): it runs the shell to ask for its version, and that shell may be elsewhere.
    click.echo(source.source_template % source.source_vars())


def main(*args: Any) -> None:
    """Run the command; a missing extra is one clear line and exit code 2."""
    try:
        cli.main(args=list(args) or None, prog_name="pointeuse")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRAS:
            raise
        extra = _EXTRAS[missing]
        click.echo(
            f"pointeuse: {missing} is not installed; it comes with the extra [{extra}]:"
            f" pip install 'pointeuse[{extra}]'",
            err=True,
        )
        sys.exit(2)
