"""`pointeuse agent credentials`: the card keys of a terminal."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from agent.badges.credentials import Credentials


@click.group()
def credentials() -> None:
    """Give this terminal the keys of its badges, and list them."""


_CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False),
    default="/etc/pointeuse/agent.toml",
    show_default=True,
    help="The terminal's configuration.",
)


@credentials.command("set")
@_CONFIG
@click.argument("name")
@click.option("--replace", is_flag=True, help="Put it in the place of another key.")
def set_key(config_path: str, name: str, replace: bool) -> None:
    """Store key NAME: 32 hexadecimal digits, from standard input or asked for unseen.

    Never give a key as an argument, where every user of the machine can read it. The running agent
    takes it up when it is next started.
    """
    from agent.badges.credentials import parse

    typed = sys.stdin.isatty()
    text = click.prompt("key", hide_input=True, err=True) if typed else sys.stdin.read(1024)
    try:
        secret = parse(text.encode(), name)
        new = _store(config_path).set(name, secret, replace=replace)
    except _errors() as error:
        _fail(str(error))
    click.echo(
        f"{name}: {'stored' if new else 'was there already'}, check value {secret.check_value}"
    )


@credentials.command("list")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_keys(config_path: str, as_json: bool) -> None:
    """List the keys by name, with check values that tell keys apart; never the keys."""
    try:
        store = _store(config_path)
        found = {name: store.key(name).check_value for name in store.names()}
    except _errors() as error:
        _fail(str(error))
    if as_json:
        click.echo(json.dumps({"credentials": found}))
        return
    for name, check_value in found.items():
        click.echo(f"{check_value}  {name}")
    if not found:
        click.echo(f"no keys in {store.directory}", err=True)


def _store(config_path: str) -> "Credentials":
    from agent.badges.credentials import Credentials
    from agent.config import load

    return Credentials(load(Path(config_path)).state)


def _errors() -> tuple[type[Exception], ...]:
    from protocol.errors import KeyFileError
    from protocol.settings import SettingsError

    return KeyFileError, SettingsError


def _fail(message: str) -> NoReturn:
    click.echo(f"pointeuse: {message}", err=True)
    raise SystemExit(2)
