"""STid readers that speak SSCP version 1 in plain, over RS-232, USB or RS-485.

    question   02 | length | CTRL1 | 00 | 00 type code AA 55 data-length data | CRC
    answer     02 | length | CTRL1 | 00 | code data-length data type status   | CRC

Length counts what stands between CTRL2 (00 here: plain) and the CRC. CTRL1 is 0 for RS-232 and
USB, and 1 + 2 x address for RS-485. Numbers are big-endian. The CRC is CRC-16/CCITT with the
initial value FFFF, over everything between the 02 and itself.

    0002  scan for an ISO 14443 A card   00 | 01 type size info uid-length uid
    0007  lamp and buzzer                colour (1 green, 2 red), lit, sounding

The vendor gives its manual to customers only. This follows what the open-source library
liblogicalaccess does. It does not state the unit of the lamp's and buzzer's times; 100 ms is taken.
Signed and enciphered sessions, and SSCP version 2, are not spoken.
"""

import binascii

from agent.readers.chips import ISO14443A, identified
from agent.readers.frames import Answered, Garbled, Result, fed
from agent.reads import Feedback

_START = 0x02
_HEADER = 5
_CRC = 2
_LONGEST = 256
"""Octets of a message at most; the answers to what is asked here have 25."""
_READER = 0x00
_SCAN = 0x0002
_LAMPS = 0x0007
_GREEN = 1
_RED = 2

_SIGNALS: dict[Feedback, tuple[int, int, int]] = {
    Feedback.RECORDED: (_GREEN, 10, 2),
    Feedback.RECORDED_OFFLINE: (_GREEN, 10, 1),
    Feedback.RECORDED_BUT: (_GREEN | _RED, 15, 3),
    Feedback.DUPLICATE: (_GREEN, 5, 0),
    Feedback.TRY_AGAIN: (_RED, 10, 4),
    Feedback.OUT_OF_ORDER: (_RED, 30, 10),
}


class SscpDialogue:
    """Questions and answers of SSCP version 1 in plain."""

    nothing = 14

    def __init__(self, address: int | None = None, *, backwards: bool = False) -> None:
        """`address` on RS-485, 0 to 127; None on RS-232 and USB."""
        self._line_octet = 0 if address is None else 1 | address << 1
        self._backwards = backwards
        self._frame = bytearray()
        self._noise = False

    def ask(self) -> bytes:
        """Scan for an ISO 14443 A card."""
        return self._question(_SCAN, b"")

    def signal(self, feedback: Feedback) -> list[bytes]:
        """One command lights the lamp and sounds the buzzer."""
        return [self._question(_LAMPS, bytes(_SIGNALS[feedback]))]

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""
        return fed(self._take, data)

    def idle(self) -> list[Result]:
        """The line went quiet: an answer begun is cut."""
        cut = bool(self._frame)
        self._frame.clear()
        self._noise = False
        return [Garbled("frame")] if cut else []

    def _take(self, octet: int) -> Result | None:
        frame = self._frame
        if not frame and octet != _START:
            told = self._noise
            self._noise = True
            return None if told else Garbled("frame")
        frame.append(octet)
        if len(frame) < _HEADER:
            return None
        length = frame[1] << 8 | frame[2]
        if length > _LONGEST:
            return self._give_up("too-long")
        if len(frame) < _HEADER + length + _CRC:
            return None
        whole = bytes(frame)
        frame.clear()
        self._noise = False
        return self._read(whole)

    def _give_up(self, reason: str) -> Result:
        self._frame.clear()
        self._noise = True
        return Garbled(reason)

    def _read(self, frame: bytes) -> Result:
        if binascii.crc_hqx(frame[1:], 0xFFFF):
            return Garbled("checksum")
        if frame[3] != self._line_octet:
            return Garbled("address")
        message = frame[_HEADER:-_CRC]
        if frame[4] or len(message) < 6 or len(message) != 6 + int.from_bytes(message[2:4], "big"):
            return Garbled("frame")
        code, data = int.from_bytes(message[:2], "big"), message[4:-2]
        if message[-2] != _READER or message[-1]:
            return Garbled("reader-error")
        return self._found(data) if code == _SCAN else Answered()

    def _found(self, data: bytes) -> Result:
        if data[:1] in (b"", b"\x00"):
            return Answered()
        if data[0] != 1 or len(data) < 5 or len(data) != 5 + data[4]:
            return Garbled("frame")
        return identified(ISO14443A, data[5:], backwards=self._backwards)

    def _question(self, code: int, data: bytes) -> bytes:
        message = b"".join(
            (
                bytes([0, _READER]),
                code.to_bytes(2, "big"),
                b"\xaa\x55",
                len(data).to_bytes(2, "big"),
                data,
            )
        )
        covered = len(message).to_bytes(2, "big") + bytes([self._line_octet, 0]) + message
        return bytes([_START]) + covered + binascii.crc_hqx(covered, 0xFFFF).to_bytes(2, "big")
