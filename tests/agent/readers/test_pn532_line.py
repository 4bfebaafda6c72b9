"""The line to a PN532: frames out of anything, and no wait that outlasts its time."""

import os
import threading
import tty
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.readers.pn532_line import LineLostError, Pn532Line, SilenceError, StoppedError

ACK = bytes.fromhex("0000FF00FF00")
FIRMWARE = bytes.fromhex("0000FF06FAD50332010607E800")
LONG = bytes.fromhex("0000FFFFFF0109F6D501") + bytes(263) + b"\x2a\x00"


class Wire:
    """A line, and the other end of it."""

    def __init__(self) -> None:
        self.far, near = os.openpty()
        tty.setraw(self.far)
        self.stop = threading.Event()
        self.line = Pn532Line(os.ttyname(near), self.stop)
        os.close(near)

    def says(self, data: bytes) -> None:
        os.write(self.far, data)


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.line.close()
    os.close(wire.far)


@pytest.mark.parametrize("frame", [ACK, FIRMWARE, LONG])
@pytest.mark.parametrize(
    "noise",
    [b"", b"\x00", b"\x55" * 40, b"\x00\x00\xff\x50\x00", bytes.fromhex("0000FFFFFF0109F7")],
)
def test_a_frame_is_found_behind_noise(wire: Wire, noise: bytes, frame: bytes) -> None:
    wire.says(noise + frame + ACK)
    assert wire.line.read(2000) == frame
    assert wire.line.read(2000) == ACK


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"\x00\x00\xff", b"\xff\xff", ACK]) | st.binary(max_size=9)))
def test_a_frame_is_found_behind_anything_once_that_is_over(wire: Wire, noise: list[bytes]) -> None:
    # As long as whatever the noise may have announced.
    wire.line._buffer = b"".join(noise) + bytes(280) + FIRMWARE
    found = []
    while (frame := wire.line._frame()) is not None:
        found.append(frame)
    assert found[-1] == FIRMWARE


def test_half_a_frame_is_none(wire: Wire) -> None:
    for half in (FIRMWARE[:-1], LONG[:-1], b"\x00\x00\xff", b"\x00\x00\xff\xff\xff\x01"):
        wire.line.write(b"")
        wire.says(half)
        with pytest.raises(SilenceError):
            wire.line.read(60)


def test_what_came_before_a_command_does_not_answer_it(wire: Wire) -> None:
    wire.says(FIRMWARE + ACK)
    assert wire.line.read(2000) == FIRMWARE
    wire.says(FIRMWARE)
    wire.line.write(b"x")
    with pytest.raises(SilenceError):
        wire.line.read(60)


def test_stop_ends_a_wait_but_not_the_last_words(wire: Wire) -> None:
    wire.stop.set()
    with pytest.raises(StoppedError):
        wire.line.read(3_600_000)
    wire.line.last_words()
    wire.says(ACK)
    assert wire.line.read(2000) == ACK


def test_a_port_that_went_is_told_from_silence(wire: Wire) -> None:
    os.close(wire.far)
    try:
        with pytest.raises(LineLostError):
            wire.line.read(2000)
        assert wire.line.lost is not None
        with pytest.raises(LineLostError):
            wire.line.write(b"x")
    finally:
        wire.far = os.open(os.devnull, os.O_RDONLY)
