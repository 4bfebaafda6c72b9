"""The uplink's thread: whatever goes wrong in a session, another one is tried."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import config
from agent.gate import Gate
from agent.queue.errors import CannotStoreError
from agent.uplink.backoff import STABLE_S, Backoff
from agent.uplink.batch_size import LEAST
from agent.uplink.connection import ConnectionLostError, Waker
from agent.uplink.uplink import Uplink
from protocol import batches
from protocol.bodies import Sync
from protocol.errors import SignatureError
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


@pytest.mark.parametrize("sync", list(Sync))
def test_dates_of_certificates_count_only_while_the_clock_is_known_to_be_right(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, sync: Sync
) -> None:
    """A clock that is set may be years ahead, where no time server is let through."""
    asked: list[bool] = []

    def tls_context(_state: Path, *, check_dates: bool) -> None:
        asked.append(check_dates)
        raise ConnectionLostError("enough")

    monkeypatch.setattr("agent.uplink.uplink.tls_context", tls_context)
    terminal.clock.sync = sync
    with pytest.raises(ConnectionLostError, match="enough"):
        uplink(terminal)._session()
    assert asked == [sync is Sync.SYNCHRONISED]


@pytest.mark.parametrize("answered", [False, True])
def test_only_a_session_that_was_answered_counts_as_one(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """However long resend_s is: connecting and waiting in vain is not to be stable."""
    up = uplink(terminal)
    lasted: list[float] = []

    def note(_backoff: Backoff, session_s: float) -> float:
        lasted.append(session_s)
        return 0.0

    monkeypatch.setattr(Backoff, "next", note)

    def session() -> None:
        if answered:
            up._online_at = time.monotonic() - STABLE_S
        raise ConnectionLostError("no receipt")

    monkeypatch.setattr(up, "_session", session)
    up.start()
    wait(lambda: len(lasted) >= 2)
    up.stop()
    assert all((session_s >= STABLE_S) == answered for session_s in lasted)


def test_with_nothing_to_send_it_greets_again_after_an_hour(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Idle:
        maximum_packet = 1 << 20
        inbox: tuple[()] = ()

        def pump(self, timeout_s: float) -> None:
            done.append("waited")

    done: list[str] = []
    up = uplink(terminal)
    monkeypatch.setattr(up._backlog, "next_batch", lambda *_: None)
    monkeypatch.setattr(up, "_ask", lambda function: function())
    monkeypatch.setattr(up, "_greet", lambda _: done.append("greeted"))
    monkeypatch.setattr(up, "_report", lambda _: None)
    up._greeted_at = time.monotonic()
    up._serve(Idle())  # type: ignore[arg-type]
    up._greeted_at -= 3600
    up._serve(Idle())  # type: ignore[arg-type]
    assert done == ["waited", "greeted"]


class Line:
    """A line that carries so many octets in time, and platforms that answer what arrives."""

    maximum_packet = 1 << 20

    def __init__(self, carries: int) -> None:
        self.carries = carries
        self.asked: list[int] = []

    def next_batch(self, _nonce: bytes, limit: int) -> "Line":
        self.asked.append(limit)
        return self

    first = 1

    def encode(self) -> bytes:
        return bytes(self.asked[-1])

    def publish(self, _topic: str, payload: bytes, *, expiry_s: float) -> None:
        if len(payload) > self.carries:
            raise ConnectionLostError(f"no receipt within {expiry_s:g} s")


def test_over_a_slow_line_less_is_sent_at_once_and_more_again_when_it_is_better(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    up, line = uplink(terminal), Line(carries=20_000)
    monkeypatch.setattr(up, "_ask", lambda function: function())
    monkeypatch.setattr(up._backlog, "next_batch", line.next_batch)
    monkeypatch.setattr(up, "_await_receipt", lambda *_: None)

    def serve() -> bool:
        try:
            up._serve(line)  # type: ignore[arg-type]
        except ConnectionLostError:
            return False
        return True

    full = batches.MAX_BATCH
    assert [serve() for _ in range(6)] == [False, False, False, True, False, True]
    assert line.asked == [full, full // 2, full // 4, full // 8, full // 4, full // 8]
    line.carries = 0
    assert not any(serve() for _ in range(9))
    assert line.asked[-1] == LEAST
    line.carries = full
    assert all(serve() for _ in range(9))
    assert line.asked[-1] == full


class Refusing:
    """What configures the terminal, and believes nothing."""

    number = 0

    def receive(self, message: bytes) -> bool:
        raise SignatureError(f"{len(message)} octets of a stranger")


def test_a_refused_configuration_brings_one_hello_and_not_one_each(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = uplink(terminal)
    up._configurations = Refusing()  # type: ignore[assignment]
    monkeypatch.setattr("agent.uplink.uplink.time.monotonic", lambda: 10_000.0)
    due: list[float] = []
    for greeted_at in (10_000.0, 9_970.0, 5_000.0):
        up._greeted_at = greeted_at
        for _ in range(2):
            up._handle("pointeuse/v1/DEVICE/config", b"?", bytes(16))
        due.append(up._greeted_at + 3600.0 - 10_000.0)
    assert due == [60.0, 60.0, -1400.0]
    assert terminal.telemetry.snapshot({})["counts"]["refused_messages"] == 6


class Crowded:
    """A store of trust documents on a disk that is full, until it is not."""

    full = True

    def follow(self, message: bytes) -> None:
        if self.full:
            raise OSError(28, "No space left on device")


def test_a_trust_document_without_room_ends_no_session(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receipts that the session brings are what makes room."""
    up, store = uplink(terminal), Crowded()
    up._trust = store  # type: ignore[assignment]
    adopted: list[object] = []
    monkeypatch.setattr(up, "_ask", adopted.append)

    def alarms() -> list[str]:
        up._handle("pointeuse/v1/DEVICE/trust", b"document", bytes(16))
        return list(terminal.telemetry.snapshot({})["alarms"])

    assert (alarms(), adopted) == (["trust-not-kept"], [])
    store.full = False
    assert alarms() == []
    assert len(adopted) == 1
