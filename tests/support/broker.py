"""A real Mosquitto for tests, from a platform directory, on a free loopback port.

The fixtures `platform` and `broker` are known to every test:

    def test_something(broker: Broker) -> None:
        terminal = broker.terminal()          # an enrolled state directory
        broker.stop(); broker.start()         # the broker's bad day
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.platform import Report, make_platform
from provisioning.terminal import Terminal, enrol
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_for


class Broker:
    """Mosquitto as `provisioning` configures it, run from `platform`."""

    def __init__(self, platform: Path, port: int) -> None:
        self.platform = platform
        self.port = port
        self.log = platform / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._terminals = 0

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert self._process is None, "the broker runs already"
        path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        program = shutil.which("mosquitto", path=path)
        assert program, "there is no mosquitto here; run scripts/setup"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self.platform / "mosquitto.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._ready, "Mosquitto takes connections")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; `how` may be SIGKILL. Nothing when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def terminal(self) -> Terminal:
        """A new terminal, enrolled at this broker's platform."""
        self._terminals += 1
        state = self.platform.parent / f"terminal-{self._terminals}"
        return enrol(state, self.platform, Report())

    def _ready(self) -> bool:
        process = self._process
        if process is None or process.poll() is not None:
            raise AssertionError(f"Mosquitto ended: {self.log.read_text(errors='replace')}")
        return listens(self.port)


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """A platform directory whose broker listens on a free port when started."""
    directory = tmp_path / "platform"
    make_platform(directory, ["localhost"], free_port())
    return directory


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A running Mosquitto with its own platform."""
    port = free_port()
    make_platform(tmp_path / "platform", ["localhost"], port)
    broker = Broker(tmp_path / "platform", port)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
