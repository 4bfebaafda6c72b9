"""ISO-DEP (ISO/IEC 14443-4), the card's side: blocks to commands, and answers to blocks."""

from collections.abc import Callable

_RATS = 0xE0
_FRAME_SIZES = (16, 24, 32, 40, 48, 64, 96, 128, 256)
"""By FSDI, the octets of a frame that the reader takes (5.1), its CRC included."""
_CRC = 2
_CHAINED = 0x10
_CID = 0x08
_NAD = 0x04
_I_BLOCK = 0x02
_R_ACK = 0xA2
_R_NAK = 0x10
_DESELECT = 0xC2


class IsoDep:
    """One activation of a card, from RATS to DESELECT."""

    def __init__(self, ats: bytes, exchange: Callable[[bytes], bytes]) -> None:
        """`exchange` has the card answer a whole command."""
        self._ats = ats
        self._exchange = exchange
        self.active = False
        self._largest = _FRAME_SIZES[0]
        self._number = 1
        self._command = b""
        self._rest = b""
        self._last = b""

    def activate(self, parameter: int = 0x80) -> bytes:
        """The answer to RATS with this parameter octet."""
        self.active = True
        self._largest = _FRAME_SIZES[min(parameter >> 4, len(_FRAME_SIZES) - 1)]
        self._number = 1
        self._command = self._rest = self._last = b""
        return self._ats

    def block(self, data: bytes) -> bytes | None:
        """The block that answers one from the reader; None for silence."""
        if not self.active:
            if data[:1] == bytes([_RATS]) and len(data) == 2:
                return self.activate(data[1])
            return None
        if not data:
            return None
        pcb = data[0]
        body = data[1 + bool(pcb & _CID) :]
        if pcb & 0xE2 == _I_BLOCK:
            return self._information(pcb, body[bool(pcb & _NAD) :])
        if pcb & 0xE6 == _R_ACK:
            return self._receipt(pcb)
        if pcb & 0xF7 == _DESELECT:
            self.active = False
            return data
        return None

    def _information(self, pcb: int, data: bytes) -> bytes:
        self._number ^= 1
        self._command += data
        if pcb & _CHAINED:
            return self._say(bytes([_R_ACK | self._number]))
        command, self._command = self._command, b""
        self._rest = self._exchange(command)
        return self._next()

    def _receipt(self, pcb: int) -> bytes:
        """Rules 11 to 13 (7.5.4.3)."""
        if pcb & 1 == self._number:
            return self._last
        if pcb & _R_NAK:
            return self._say(bytes([_R_ACK | self._number]))
        self._number ^= 1
        return self._next()

    def _next(self) -> bytes:
        size = self._largest - _CRC - 1
        part, self._rest = self._rest[:size], self._rest[size:]
        chained = _CHAINED if self._rest else 0
        return self._say(bytes([_I_BLOCK | chained | self._number]) + part)

    def _say(self, block: bytes) -> bytes:
        self._last = block
        return block
