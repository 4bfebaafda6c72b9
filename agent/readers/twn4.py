"""Elatec TWN4 readers that run the Simple Protocol: lines of hex digits ended by CR.

A command is a function number of two octets and its parameters; an answer is an error octet, 00
when there was none, and the function's results. Multi-octet numbers are little-endian.

    0500 max              SearchTag          00 00 | 00 01 type bits length id
    0407 vol hz on off    Beep               00
    0410 leds             LEDInit            00
    0411 leds             LEDOn              00
    0412 leds             LEDOff             00

Function and tag type numbers are those of the vendor's published header twn4.sys.h. The order of a
chip's octets is not stated there; `backwards` turns it.
"""

from agent.readers.chips import EM4100, ISO14443A, ISO15693, Chip, hid_prox, identified
from agent.readers.frames import Answered, Garbled, Result, fed
from agent.reads import Feedback

_LONGEST_ID = 16
_LONGEST_LINE = 2 * (5 + _LONGEST_ID)
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_ENDS = frozenset(b"\r\n")

_TAGS: dict[int, Chip] = {0x40: EM4100, 0x49: hid_prox, 0x80: ISO14443A, 0x82: ISO15693}

_RED = 0x01
_GREEN = 0x02
_BOTH = _RED | _GREEN
_VOLUME = 100

_SIGNALS: dict[Feedback, tuple[int, int, int, int]] = {
    Feedback.RECORDED: (_GREEN, 8, 2400, 120),
    Feedback.RECORDED_OFFLINE: (_GREEN, 8, 2400, 60),
    Feedback.RECORDED_BUT: (_BOTH, 12, 1800, 180),
    Feedback.DUPLICATE: (_GREEN, 4, 2400, 0),
    Feedback.TRY_AGAIN: (_RED, 8, 1200, 150),
    Feedback.OUT_OF_ORDER: (_RED, 30, 800, 180),
}
"""Lamp, questions for which it is lit, hertz and milliseconds of the tone."""


class Twn4Dialogue:
    """Questions and answers of the Simple Protocol."""

    nothing = 5

    def __init__(self, *, backwards: bool = False) -> None:
        """`backwards`: chip numbers come last octet first."""
        self._backwards = backwards
        self._line = bytearray()
        self._spoilt = False
        self._lamps_ready = False
        self._lit = 0

    def ask(self) -> bytes:
        """SearchTag, for an identifier of 16 octets at most; once, LEDOff when a lamp is due."""
        if self._lit:
            self._lit -= 1
            if not self._lit:
                return _command(b"\x04\x12", _BOTH)
        return _command(b"\x05\x00", _LONGEST_ID)

    def signal(self, feedback: Feedback) -> list[bytes]:
        """One lamp is lit for a while and the beeper sounds."""
        lamp, self._lit, tone, sounds = _SIGNALS[feedback]
        commands = [] if self._lamps_ready else [_command(b"\x04\x10", _BOTH)]
        self._lamps_ready = True
        commands.append(_command(b"\x04\x12", _BOTH))
        commands.append(_command(b"\x04\x11", lamp))
        if sounds:
            commands.append(_command(b"\x04\x07", _VOLUME, *_le16(tone), *_le16(sounds), *_le16(0)))
        return commands

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""
        return fed(self._take, data)

    def idle(self) -> list[Result]:
        """The line went quiet: an answer begun is cut."""
        cut = bool(self._line)
        self._line.clear()
        self._spoilt = False
        return [Garbled("frame")] if cut else []

    def _take(self, octet: int) -> Result | None:
        if octet in _ENDS:
            line = bytes(self._line)
            self._line.clear()
            self._spoilt = False
            return self._read(line) if line else None
        if self._spoilt:
            return None
        if octet in _HEX and len(self._line) < _LONGEST_LINE:
            self._line.append(octet)
            return None
        self._line.clear()
        self._spoilt = True
        return Garbled("too-long" if octet in _HEX else "frame")

    def _read(self, line: bytes) -> Result:
        if len(line) % 2:
            return Garbled("frame")
        error, *results = bytes.fromhex(line.decode("ascii"))
        if error:
            return Garbled("reader-error")
        if results in ([], [0]):
            return Answered()
        if len(results) < 4 or results[0] != 1 or len(results) - 4 != results[3]:
            return Garbled("frame")
        _, kind, bits, length, *number = results
        if not number or (bits + 7) // 8 != length:
            return Garbled("frame")
        return identified(_TAGS.get(kind), bytes(number), backwards=self._backwards)


def _command(function: bytes, *parameters: int) -> bytes:
    return (function + bytes(parameters)).hex().upper().encode("ascii") + b"\r"


def _le16(number: int) -> bytes:
    return number.to_bytes(2, "little")
