"""`pointeuse sim panel`."""

import contextlib
import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from hwsim.command_line import plainly, say
from hwsim.errors import SimulatorError
from hwsim.interrupts import interruptible, until_interrupted


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="On 127.0.0.1; a free one when not given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
@click.option("--seed", default=1, show_default=True, help="Decides what the cards make up.")
def panel(port: int, as_json: bool, seed: int) -> None:
    """Serve a page with a terminal, its readers, badges to hold to them, and faults.

    The readers are PC/SC, PN532, TWN4, OSDP, a QR scanner on a serial line and one that is a
    keyboard. Everything behind the page is real but the hardware: broker, platform, pcscd,
    libosdp's peripheral and the terminal's agent are started here, on loopback, and end with it
    (Ctrl-C).
    """
    from hwsim.panel.server import serving
    from hwsim.panel.world import World

    with plainly(), interruptible(), _listening(port) as listener:
        say("broker, platform, pcscd and a terminal start")
        with (
            tempfile.TemporaryDirectory(prefix="pointeuse-panel-") as directory,
            World(Path(directory), seed) as world,
            serving(world, listener) as url,
        ):
            _announce(url, as_json)
            until_interrupted()
            say("stopping everything")


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket on loopback. Raises SimulatorError."""
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SimulatorError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another --port"
        ) from error
    with listener:
        yield listener


def _announce(url: str, as_json: bool) -> None:
    click.echo(json.dumps({"url": url}) if as_json else f"\n  {url}\n\nCtrl-C stops everything.")
