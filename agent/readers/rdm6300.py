"""Frames of the RDM6300 and the ID-12: one EM4100 number, in ASCII.

    RDM6300   02 | 10 hex digits | 2 hex digits | 03
    ID-12     02 | 10 hex digits | 2 hex digits | 0D 0A | 03

The 2 digits are the XOR of the 5 octets before them.
"""

from agent.badges.refusals import NotAnIdentityError
from agent.badges.uid import em4100_badge
from agent.readers.frames import Garbled, Presented, Result, fed

_STX = 0x02
_ETX = 0x03
_DIGITS = 12
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_LINE_END = b"\r\n"
_BETWEEN = frozenset(b"\r\n\0")
"""What may stand between frames without being noise."""


class Rdm6300Parser:
    """Finds frames in any bytes; noise gives one Garbled, however long it is."""

    def __init__(self) -> None:
        self._frame: bytearray | None = None
        self._noise = False

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""
        return fed(self._take, data)

    def idle(self) -> list[Result]:
        """The line went quiet: a frame begun is cut, and what follows is new."""
        cut = self._frame is not None
        self._frame = None
        self._noise = False
        return [Garbled("frame")] if cut else []

    def _take(self, octet: int) -> Result | None:
        frame = self._frame
        if octet == _STX:
            self._frame = bytearray()
            self._noise = False
            return None if frame is None else Garbled("frame")
        if frame is None:
            return self._outside(octet)
        if octet == _ETX:
            self._frame = None
            return _read(bytes(frame))
        frame.append(octet)
        return self._check(frame)

    def _outside(self, octet: int) -> Result | None:
        if self._noise or octet in _BETWEEN:
            return None
        self._noise = True
        return Garbled("frame")

    def _check(self, frame: bytearray) -> Result | None:
        """Give up a frame as soon as it can no longer be one, so that none grows."""
        position = len(frame) - 1
        octet = frame[position]
        if position < _DIGITS:
            reason = None if octet in _HEX else "frame"
        elif _LINE_END.startswith(bytes(frame[_DIGITS:])):
            reason = None
        else:
            reason = "too-long" if octet in _HEX else "frame"
        if reason is None:
            return None
        self._frame = None
        self._noise = True
        return Garbled(reason)


def _read(frame: bytes) -> Result:
    if frame[_DIGITS:] not in (b"", _LINE_END) or len(frame) < _DIGITS:
        return Garbled("frame")
    *number, checksum = bytes.fromhex(frame[:_DIGITS].decode("ascii"))
    for octet in number:
        checksum ^= octet
    if checksum:
        return Garbled("checksum")
    try:
        return Presented(em4100_badge(bytes(number)))
    except NotAnIdentityError as refusal:
        return Garbled(refusal.reason)
