"""An open port on a real pty: what wakes, what does not, and a port that goes."""

import os
import tty
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agent.readers.port import SERIAL_FAULTS, Port
from tests.agent.readers.running import descriptors


@dataclass
class Wire:
    """A port, and the other end of it."""

    port: Port
    far: int
    name: str


@pytest.fixture
def wire() -> Iterator[Wire]:
    far, near = os.openpty()
    tty.setraw(far)
    name = os.ttyname(near)
    with Port(name, 9600) as port:
        os.close(near)
        yield Wire(port, far, name)
    os.close(far)


def test_octets_wake_and_are_taken(wire: Wire) -> None:
    assert wire.port.take() == b""
    assert not wire.port.wait(0.01)
    os.write(wire.far, b"0123456789")
    assert wire.port.wait(30)
    assert wire.port.take(4) == b"0123"
    assert wire.port.take() == b"456789"


def test_too_few_octets_wake_nobody_and_can_be_taken(wire: Wire) -> None:
    wire.port.wake_from(6)
    os.write(wire.far, b"0000\r")
    assert not wire.port.wait(0.2)
    assert wire.port.take() == b"0000\r"
    os.write(wire.far, b"000")
    os.write(wire.far, b"180")
    assert wire.port.wait(30)
    assert wire.port.take() == b"000180"


def test_a_new_speed_leaves_as_many_to_wake(wire: Wire) -> None:
    wire.port.wake_from(6)
    wire.port.baud = 115200
    assert wire.port.baud == 115200
    os.write(wire.far, b"0000\r")
    assert not wire.port.wait(0.2)
    assert wire.port.take() == b"0000\r"
    assert wire.port.take() == b""


def test_what_is_forgotten_does_not_come(wire: Wire) -> None:
    os.write(wire.far, b"noise")
    assert wire.port.wait(30)
    wire.port.forget()
    assert wire.port.take() == b""


def test_what_is_written_arrives(wire: Wire) -> None:
    wire.port.write(b"a question")
    assert os.read(wire.far, 100) == b"a question"


def test_a_line_that_takes_nothing_more_is_lost(wire: Wire) -> None:
    with pytest.raises(OSError, match="nothing is taken"):
        wire.port.write(bytes(1_000_000))


def test_a_port_that_went_wakes_and_is_lost(wire: Wire) -> None:
    os.close(wire.far)
    try:
        assert wire.port.wait(30)
        with pytest.raises(OSError):  # noqa: PT011 - the kernel's own words
            wire.port.take()
        with pytest.raises(OSError):  # noqa: PT011
            wire.port.write(b"x")
    finally:
        wire.far = os.open(os.devnull, os.O_RDONLY)


def test_nobody_else_takes_it_and_a_refusal_leaves_nothing_open(wire: Wire) -> None:
    before = descriptors()
    for device in (wire.name, os.devnull, "/nowhere"):
        with pytest.raises(SERIAL_FAULTS):
            Port(device, 9600)
    assert descriptors() == before
