"""What the simulations' commands have in common: how they say things, and how they end."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import click

from hwsim.errors import SimulatorError


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Say what the simulator cannot do in one line, and end with 2."""
    try:
        yield
    except SimulatorError as error:
        click.echo(f"{click.get_current_context().command_path}: {error}", err=True)
        sys.exit(2)


def say(what: str) -> None:
    """One line of progress."""
    click.echo(f"- {what}", err=True)


def conclude(
    found: Mapping[str, Any], examples: Sequence[str], *, good: bool, as_json: bool
) -> NoReturn:
    """Print what was found, and examples of what is wrong; end with 0 if it is `good`, else 1."""
    if as_json:
        click.echo(json.dumps(found))
    else:
        width = max(map(len, found), default=0)
        for name, value in found.items():
            number = type(value) in (int, float)
            click.echo(f"{name.replace('_', ' '):{width}} {f'{value:,}' if number else value}")
    for example in examples:
        click.echo(example, err=True)
    sys.exit(0 if good else 1)
