"""What readers that are asked answer: Elatec TWN4, STid SSCP version 1, Deister deBus.

Each takes the octets of a question from any stream and gives the octets of the answer. They are
written from the descriptions, not from the agent's code, which they are there to test.
"""

from dataclasses import dataclass
from typing import Protocol

_TWN4 = {"iso14443a": 0x80, "iso15693": 0x82, "em4100": 0x40, "hidprox": 0x49}
_DEBUS = {"iso14443a": 0x16, "iso15693": 0x08, "em4100": 0x1B, "hidprox": 0x19}
_STUFFED = {0xF8: b"\xf8\x00", 0xFB: b"\xf8\x01", 0xFD: b"\xf8\x02", 0xFE: b"\xf8\x03"}
KINDS = ("iso14443a", "iso15693", "em4100", "hidprox")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag in the field: one of KINDS, and its number, most significant octet first."""

    kind: str
    number: bytes


class Answers(Protocol):
    """One protocol, seen from the reader's side."""

    shown: list[str]
    """The lamp and buzzer commands that came, as hex."""

    def take(self, data: bytes, tag: Tag | None) -> bytes:
        """The answers to the questions that `data` completes, with `tag` in the field."""


class Twn4Answers:
    """The Simple Protocol: lines of hex digits."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self._line = b""

    def take(self, data: bytes, tag: Tag | None) -> bytes:
        """One line for each line."""
        *lines, self._line = (self._line + data).split(b"\r")
        return b"".join(self._answer(line.decode("ascii"), tag) + b"\r" for line in lines)

    def _answer(self, line: str, tag: Tag | None) -> bytes:
        if line.startswith("04"):
            self.shown.append(line)
            return b"00"
        if not line.startswith("0500"):
            return b"01"
        if tag is None:
            return b"0000"
        bits = len(tag.number) * 8
        head = bytes([0, 1, _TWN4[tag.kind], bits, len(tag.number)])
        return (head + tag.number).hex().upper().encode()


def crc_ccitt(data: bytes, crc: int = 0xFFFF) -> int:
    """CRC-16/CCITT, polynomial 1021, most significant bit first; `crc` is its initial value."""
    for octet in data:
        for bit in range(7, -1, -1):
            carry = crc >> 15 ^ octet >> bit & 1
            crc = crc << 1 & 0xFFFF ^ (0x1021 if carry else 0)
    return crc


class SscpAnswers:
    """SSCP version 1 in plain."""

    def __init__(self, address: int | None = None) -> None:
        self.shown: list[str] = []
        self._line = 0 if address is None else 2 * address + 1
        self._buffer = b""

    def take(self, data: bytes, tag: Tag | None) -> bytes:
        """One frame for each whole frame addressed to it."""
        self._buffer += data
        answers = b""
        while len(self._buffer) >= 5:
            size = int.from_bytes(self._buffer[1:3], "big") + 7
            if self._buffer[0] != 2 or size > 512:
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < size:
                break
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            right = crc_ccitt(frame[1:-2]) == int.from_bytes(frame[-2:], "big")
            if right and frame[3] == self._line:
                answers += self._answer(frame[5:-2], tag)
        return answers

    def _answer(self, message: bytes, tag: Tag | None) -> bytes:
        code = message[2:4]
        found = b""
        if code == b"\x00\x07":
            self.shown.append(message[8:].hex())
        elif code == b"\x00\x02":
            found = b"\x00" if tag is None or tag.kind != "iso14443a" else self._found(tag.number)
        body = code + len(found).to_bytes(2, "big") + found + b"\x00\x00"
        covered = len(body).to_bytes(2, "big") + bytes([self._line, 0]) + body
        return b"\x02" + covered + crc_ccitt(covered).to_bytes(2, "big")

    def _found(self, number: bytes) -> bytes:
        return bytes([1, 2, 0, 0, len(number)]) + number


def crc_kermit(data: bytes) -> int:
    """CRC-16/KERMIT, as CRC-16 with every octet and the result turned round."""
    crc = 0
    for octet in data:
        for bit in range(8):
            carry = crc >> 15 ^ octet >> bit & 1
            crc = crc << 1 & 0xFFFF ^ (0x1021 if carry else 0)
    return int(f"{crc:016b}"[::-1], 2)


class DebusAnswers:
    """Deister's deBus."""

    def __init__(self, address: int = 0x3F) -> None:
        self.shown: list[str] = []
        self._address = address
        self._buffer = b""

    def take(self, data: bytes, tag: Tag | None) -> bytes:
        """One frame for each whole frame addressed to it."""
        *frames, self._buffer = (self._buffer + data).split(b"\xfe")
        return b"".join(self._answer(frame, tag) for frame in frames)

    def _answer(self, frame: bytes, tag: Tag | None) -> bytes:
        frame = frame[frame.rfind(b"\xfd") :]
        for octet, stuffed in reversed(_STUFFED.items()):
            frame = frame.replace(stuffed, bytes([octet]))
        asked = frame[:4] == bytes([0xFD, self._address, 0x11, 0x0B])
        if not asked or crc_kermit(frame[:-2]).to_bytes(2, "little") != frame[-2:]:
            return b""
        covered = bytes([0xFB, 0x11, self._address, 0x0B, 0])
        if tag is not None:
            head = bytes([0, 0, 1, _DEBUS[tag.kind], 1, 0, len(tag.number)])
            covered += head + tag.number[::-1]
        rest = covered[1:] + crc_kermit(covered).to_bytes(2, "little")
        stuffed = b"".join(_STUFFED.get(octet, bytes([octet])) for octet in rest)
        return b"\xff\xff\xfb" + stuffed + b"\xfe"
