"""Deister readers on deBus.

    question   FF FF FD | to from | command data | CRC | FE
    answer     FF FF FB | to from | command error data | CRC | FE

Between the addresses and FE the octets F8, FB, FD and FE are written F8 00, F8 01, F8 02 and F8
03. The CRC is CRC-16/KERMIT over everything from FD or FB on, before that rewriting, low octet
first. Command 0B asks for the tag in the field; without one, the answer has no data, else

    location reset 01 type 01 00 length id

The vendor gives its manual to customers only. This follows what the open-source library
liblogicalaccess does: addresses 3F (reader) and 11 (terminal), error 10 taken for no error, chip
numbers last octet first. No lamp or buzzer command is public, so none is sent.
"""

from agent.readers.chips import EM4100, ISO14443A, ISO15693, Chip, hid_prox, identified
from agent.readers.frames import Answered, Garbled, Result, fed
from agent.reads import Feedback

READER = 0x3F
_TERMINAL = 0x11
_ANSWER = 0xFB
_QUESTION = 0xFD
_END = 0xFE
_FILL = 0xFF
_SHIFT = 0xF8
_SHIFTED = (_SHIFT, _ANSWER, _QUESTION, _END)
_POLL = 0x0B
_GOOD = (0x00, 0x10)
_LONGEST = 128
_SHORTEST = 7
"""Start, two addresses, command, error, CRC."""

_TAGS: dict[int, Chip] = {
    **dict.fromkeys((0x14, 0x15, 0x16), ISO14443A),
    **dict.fromkeys((0x02, 0x04, 0x05, 0x06, 0x07, 0x08), ISO15693),
    0x19: hid_prox,
    0x1B: EM4100,
}


class DebusDialogue:
    """Questions and answers of deBus."""

    nothing = 12

    def __init__(self, address: int = READER, *, backwards: bool = True) -> None:
        """`address` is the reader's; `backwards`: chip numbers come last octet first."""
        self._address = address
        self._backwards = backwards
        self._frame: bytearray | None = None
        self._shifted = False
        self._noise = False

    def ask(self) -> bytes:
        """Which tag is in the field."""
        covered = bytes([_QUESTION, self._address, _TERMINAL, _POLL])
        rest = covered[3:] + kermit(covered).to_bytes(2, "little")
        return bytes([_FILL, _FILL]) + covered[:3] + shifted(rest) + bytes([_END])

    def signal(self, feedback: Feedback) -> list[bytes]:  # noqa: ARG002
        """None: the lamp and buzzer commands are not public."""
        return []

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""
        return fed(self._take, data)

    def idle(self) -> list[Result]:
        """The line went quiet: an answer begun is cut."""
        cut = self._frame is not None
        self._reset(noise=False)
        return [Garbled("frame")] if cut else []

    def _take(self, octet: int) -> Result | None:
        if octet == _ANSWER:
            cut = self._frame is not None
            self._reset(noise=False)
            self._frame = bytearray([octet])
            return Garbled("frame") if cut else None
        if self._frame is None:
            if octet == _FILL or self._noise:
                return None
            self._noise = True
            return Garbled("frame")
        return self._inside(self._frame, octet)

    def _inside(self, frame: bytearray, octet: int) -> Result | None:
        if octet == _END:
            shifted_end = self._shifted
            self._reset(noise=False)
            return Garbled("frame") if shifted_end else self._read(bytes(frame))
        if self._shifted:
            if octet >= len(_SHIFTED):
                return self._give_up("frame")
            self._shifted = False
            frame.append(_SHIFTED[octet])
        elif octet == _SHIFT:
            self._shifted = True
        else:
            frame.append(octet)
        return self._give_up("too-long") if len(frame) > _LONGEST else None

    def _give_up(self, reason: str) -> Result:
        self._reset(noise=True)
        return Garbled(reason)

    def _reset(self, *, noise: bool) -> None:
        self._frame = None
        self._shifted = False
        self._noise = noise

    def _read(self, frame: bytes) -> Result:
        if len(frame) < _SHORTEST:
            return Garbled("frame")
        if kermit(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            return Garbled("checksum")
        if (frame[1], frame[2]) != (_TERMINAL, self._address):
            return Garbled("address")
        if frame[4] not in _GOOD:
            return Garbled("reader-error")
        data = frame[5:-2]
        if frame[3] != _POLL or not data:
            return Answered()
        if len(data) < 7 or data[2] != 1 or len(data) != 7 + data[6]:
            return Garbled("frame")
        return identified(_TAGS.get(data[3]), data[7:], backwards=self._backwards)


def kermit(data: bytes) -> int:
    """CRC-16/KERMIT: polynomial 1021, bits reflected, initial value 0."""
    crc = 0
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc


def shifted(data: bytes) -> bytes:
    """`data` with the octets that mean something else rewritten."""
    return b"".join(
        bytes([_SHIFT, _SHIFTED.index(octet)]) if octet in _SHIFTED else bytes([octet])
        for octet in data
    )
