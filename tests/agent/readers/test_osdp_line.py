"""Answers on an OSDP line: found in anything, told whole from spoilt."""

import os
import random
import tty
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.readers.osdp_line import OsdpLine, answer_in, is_busy, is_whole
from agent.readers.port import Port
from hwsim.readers.noise import SPOILS, frame
from tests.fuzz.targets import TARGETS

# As libosdp's peripheral says who it is.
IDENTITY = bytes.fromhex("538514000445eeffc0020101000000010203bd66")
BUSY = frame(5, b"\x79", 0, answer=True)[1:]
SOMETHING = st.lists(
    st.sampled_from([b"\x53", b"\xff\x53", b"\x53\x85", b"\x53\x85\x09\x00", b"\x53\x06\x07\x00"])
    | st.binary(max_size=9)
).map(b"".join)


class Wire:
    """A line, and the other end of it."""

    def __init__(self) -> None:
        self.far, near = os.openpty()
        tty.setraw(self.far)
        self.port = Port(os.ttyname(near), 9600)
        os.close(near)
        self.line = OsdpLine(self.port, 5)

    def says(self, data: bytes) -> None:
        before = len(self.line._pending)
        os.write(self.far, data)
        while len(self.line._pending) < before + len(data):
            self.line._take()

    def answered(self) -> bool:
        return self.line.answered


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.port.close()
    os.close(wire.far)


def test_an_answer_is_the_one_libosdp_sends() -> None:
    assert is_whole(IDENTITY)
    assert answer_in(b"\xff" + IDENTITY + b"\x53", 5) == IDENTITY
    assert answer_in(IDENTITY[:-1], 5) is None
    assert answer_in(IDENTITY, 6) is None
    assert not is_busy(IDENTITY)


def test_a_busy_peripheral_is_known() -> None:
    assert answer_in(BUSY, 5) == BUSY
    assert is_whole(BUSY)
    assert is_busy(BUSY)


def test_a_checksum_is_taken_for_a_crc_where_there_is_none() -> None:
    plain = bytes([0x53, 0x85, 7, 0, 1, 0x40])
    assert is_whole(plain + bytes([-sum(plain) & 0xFF]))
    assert not is_whole(plain + bytes([1 - sum(plain) & 0xFF]))


@given(position=st.integers(0, len(IDENTITY) * 8 - 1))
def test_every_wrong_bit_is_seen(position: int) -> None:
    spoilt = bytearray(IDENTITY)
    spoilt[position // 8] ^= 1 << position % 8
    found = answer_in(bytes(spoilt), 5)
    assert found is None or not is_whole(found)


@given(SOMETHING)
def test_any_bytes_are_an_answer_or_none(data: bytes) -> None:
    TARGETS["osdp-line"](data)


@given(SOMETHING, st.binary(min_size=1, max_size=40))
def test_an_answer_behind_anything_is_found_or_something_that_hides_it(
    noise: bytes, body: bytes
) -> None:
    assert answer_in(noise + frame(5, body, 1, answer=True), 5) is not None


@pytest.mark.parametrize("name", SPOILS)
def test_what_is_spoilt_is_not_what_was_sent(name: str, seed: int) -> None:
    chance = random.Random(seed)
    good = b"\xff" + IDENTITY
    assert any(SPOILS[name](chance, good) != good for _ in range(20))
    # It stays a frame's worth of octets, whatever it is given.
    for length in range(1, 30):
        assert len(SPOILS[name](chance, good[:length])) < 200


def test_a_question_is_answered_by_a_frame_and_nothing_else(wire: Wire) -> None:
    line = wire.line
    assert wire.answered()
    assert line.unanswered_s == 0
    line.write(b"a question")
    assert not wire.answered()
    wire.says(IDENTITY[:-1])
    assert (wire.answered(), line.noisy) == (False, True)
    wire.says(IDENTITY[-1:])
    assert (wire.answered(), line.noisy) == (True, False)
    assert line.unanswered_s == 0
    assert line.read(4) + line.read(60) == IDENTITY


def test_a_spoilt_answer_is_an_answer_to_nothing(wire: Wire) -> None:
    line = wire.line
    line.write(b"a question")
    wire.says(IDENTITY[:-1] + b"\0")
    assert line.answered
    assert line.noisy
    assert line.unanswered_s > 0
    line.write(b"another")
    assert line.noisy, "nothing has answered since"


def test_a_busy_peripheral_has_not_answered(wire: Wire) -> None:
    wire.line.write(b"a question")
    wire.says(BUSY)
    assert not wire.line.answered


def test_before_a_question_the_line_is_emptied(wire: Wire) -> None:
    wire.says(b"noise")
    wire.line.flush()
    assert wire.line.read(60) == b""


def test_a_line_that_went_is_told_to_whoever_called_libosdp(wire: Wire) -> None:
    os.close(wire.far)
    try:
        assert wire.line.read(60) == b""
        errors = [wire.line.error]
        wire.line.error = None
        assert wire.line.write(b"a question") == 0
        errors.append(wire.line.error)
        assert all(isinstance(error, OSError) for error in errors)
        with pytest.raises(OSError):  # noqa: PT011 - the kernel's own words
            wire.line.wait(0)
    finally:
        wire.far = os.open(os.devnull, os.O_RDONLY)
