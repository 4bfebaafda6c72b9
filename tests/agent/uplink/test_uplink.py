"""The uplink's thread: whatever goes wrong in a session, another one is tried."""

import sqlite3
import time
from collections.abc import Callable

import pytest

from agent import config
from agent.gate import Gate
from agent.queue.errors import CannotStoreError
from agent.uplink.connection import ConnectionLostError, Waker
from agent.uplink.uplink import Uplink
from tests.agent.terminal import Screen, Terminal


def uplink(terminal: Terminal) -> Uplink:
    gate = Gate(terminal.journal, terminal.recorder, terminal.telemetry, Screen())
    settings = config.Uplink(host="localhost", backoff_s=0.01, backoff_limit_s=0.1)
    return Uplink(
        settings,
        terminal.state,
        "DEVICE",
        terminal.key,
        gate,
        None,  # type: ignore[arg-type]
        terminal.clock,  # type: ignore[arg-type]
        dict,
        Waker(),
    )


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionLostError("the broker ended it"), "the broker ended it"),
        (CannotStoreError("the disk is full"), "the disk is full"),
        (FileNotFoundError(2, "tls.crt"), "FileNotFoundError(2, 'tls.crt')"),
        (sqlite3.OperationalError("disk I/O error"), "OperationalError('disk I/O error')"),
        (AttributeError("paho"), "AttributeError('paho')"),
    ],
)
def test_no_error_ends_the_thread(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    up = uplink(terminal)
    said: list[str] = []

    def session() -> None:
        said.append(terminal.telemetry.uplink["detail"])
        raise error

    monkeypatch.setattr(up, "_session", session)
    up.start()
    wait(lambda: len(said) >= 3)
    up.stop()
    assert said[1:3] == [why, why]
    assert terminal.telemetry.uplink["state"] == "stopped"


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
