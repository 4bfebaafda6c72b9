"""Frames between host and PN532 (UM0701-02, 6.2.1), and what wakes one up."""

import itertools
from dataclasses import dataclass
from enum import Enum

_START = b"\x00\x00\xff"
ACK = bytes.fromhex("0000FF00FF00")
NACK = bytes.fromhex("0000FFFF0000")
SYNTAX_ERROR = bytes.fromhex("0000FF01FF7F8100")
_FROM_HOST = 0xD4
_FROM_CHIP = 0xD5
_LONGEST_SHORT = 255
_LONGEST = 265
"""Octets of data in an extended frame, its direction included."""
_WAKING_EDGES = 5
"""Rising edges on the line that end a sleep (UM0701-02, 7.2.11)."""


class Word(Enum):
    """Frames without data."""

    ACK = "ack"
    NACK = "nack"


@dataclass(frozen=True)
class Command:
    """What a host asks: the code of the command and its parameters."""

    code: int
    data: bytes


def response(command: int, data: bytes) -> bytes:
    """The frame that answers the command of this code."""
    body = bytes([_FROM_CHIP, command + 1]) + data
    if len(body) <= _LONGEST_SHORT:
        head = bytes([len(body), -len(body) & 0xFF])
    else:
        length = len(body).to_bytes(2, "big")
        head = b"\xff\xff" + length + bytes([-sum(length) & 0xFF])
    return _START + head + body + bytes([-sum(body) & 0xFF, 0x00])


class FrameParser:
    """From octets to what a host said. Frames with a wrong checksum are passed over in silence.

    A frame begun takes as many octets as it announced, whatever they are.
    """

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Command | Word]:
        """What is complete with `data`."""
        self._buffer += data
        found: list[Command | Word] = []
        while True:
            self._to_start()
            used, said = self._next(self._buffer)
            if not used:
                return found
            self._buffer = self._buffer[used:]
            if said is not None:
                found.append(said)

    def clear(self) -> None:
        """Forget what is incomplete."""
        self._buffer = b""

    def _to_start(self) -> None:
        at = self._buffer.find(_START)
        # The two octets at the end may be the beginning of a start.
        self._buffer = self._buffer[at:] if at >= 0 else self._buffer[-2:]

    def _next(self, data: bytes) -> tuple[int, Command | Word | None]:
        """The octets of the whole frame that `data` begins with, 0 if none, and what it says."""
        if len(data) < 6:
            return 0, None
        if data[3:5] == b"\x00\xff":
            return 6, Word.ACK
        if data[3:5] == b"\xff\x00":
            return 6, Word.NACK
        if data[3:5] == b"\xff\xff":
            if len(data) < 8:
                return 0, None
            return self._body(data, 8, data[5:8], int.from_bytes(data[5:7], "big"))
        return self._body(data, 5, data[3:5], data[3])

    def _body(
        self, data: bytes, begin: int, checked: bytes, length: int
    ) -> tuple[int, Command | None]:
        if sum(checked) & 0xFF or not 2 <= length <= _LONGEST:
            return len(_START), None
        end = begin + length + 1
        if len(data) < end:
            return 0, None
        body = data[begin:end]
        if sum(body) & 0xFF or body[0] != _FROM_HOST:
            return end, None
        return end, Command(body[1], body[2:-1])


class Sleep:
    """Whether the chip sleeps. What wakes it is lost, and all that came before."""

    def __init__(self) -> None:
        self.asleep = True
        self._edges = 0

    def begin(self) -> None:
        """Fall asleep."""
        self.asleep, self._edges = True, 0

    def hear(self, data: bytes) -> bytes:
        """What of `data` is heard awake."""
        for number, octet in enumerate(data):
            if not self.asleep:
                return data[number:]
            self._edges += _rising_edges(octet)
            self.asleep = self._edges < _WAKING_EDGES
        return b""


def _rising_edges(octet: int) -> int:
    """Of an octet on the line: a start bit of 0, eight bits, the lowest first, a stop bit of 1."""
    bits = [0, *(octet >> place & 1 for place in range(8)), 1]
    return sum(before < after for before, after in itertools.pairwise(bits))
