"""The RS-485 line to an OSDP peripheral, as libosdp reads and writes it, and what was heard on it.

    FF? 53 | address | length, two octets, low first | control | ... | CRC or checksum

The length counts from the 53 to the end; a peripheral answers with bit 7 of its address set (OSDP
2.2, packet format). Whether an answer is the right one is libosdp's to say: here it is known only
whether one has come, so that nobody waits for it any longer, and whether it came whole.
"""

import binascii
import time

from agent.readers.port import SERIAL_FAULTS, Port

_SOM = 0x53
_ANSWER = 0x80
_BROADCAST = 0x7F
_HEADER = 5
_WITH_CRC = 0x04
_CRC_BEGIN = 0x1D0F
_SHORTEST = 14
"""Octets of the shortest answer in the secure channel; fewer wake nobody."""
_BUSY = 0x79
_LONGEST = 1440
"""Octets of a frame at most."""


class OsdpLine:
    """What libosdp calls to read and write; an error is kept for whoever called libosdp."""

    def __init__(self, port: Port, address: int) -> None:
        """`port` is open; `address` is the peripheral's."""
        self._port = port
        self._address = address
        self.id = 1
        self.error: Exception | None = None
        self.answered = True
        """Whether a frame has come since the last question, or none was asked."""
        self._heard = b""
        """What has come since the last question."""
        self._pending = b""
        """What of it libosdp has not taken yet."""
        self._asked_at = time.monotonic()
        self._unanswered_at: float | None = None
        """When the first question was asked that has not been answered by a whole frame."""
        self._noisy = False
        port.wake_from(_SHORTEST)

    def wait(self, longest_s: float) -> None:
        """Wait for an answer. Raises SERIAL_FAULTS when the port goes."""
        if self._port.wait(longest_s):
            self._take()

    @property
    def quiet_s(self) -> float:
        """Seconds since something was asked."""
        return time.monotonic() - self._asked_at

    @property
    def unanswered_s(self) -> float:
        """Seconds since a question was asked that was not answered, nor any after it."""
        return 0.0 if self._unanswered_at is None else time.monotonic() - self._unanswered_at

    @property
    def noisy(self) -> bool:
        """Whether what came since then was no answer."""
        return self._noisy

    # What libosdp calls

    def read(self, most: int) -> bytes:
        """What has arrived, at once."""
        try:
            self._take()
        except SERIAL_FAULTS as error:
            self.error = error
        data, self._pending = self._pending[:most], self._pending[most:]
        return data

    def write(self, data: bytes) -> int:
        """Send `data`; how much of it was."""
        self._heard, self.answered = b"", False
        self._asked_at = time.monotonic()
        if self._unanswered_at is None:
            self._unanswered_at, self._noisy = self._asked_at, False
        try:
            self._port.write(data)
        except SERIAL_FAULTS as error:
            self.error = error
            return 0
        return len(data)

    def flush(self) -> None:
        """Throw away what came: a peripheral speaks when it is spoken to, the rest is noise."""
        self._pending = b""
        try:
            self._port.forget()
        except SERIAL_FAULTS as error:
            self.error = error

    def _take(self) -> None:
        data = self._port.take()
        self._pending = (self._pending + data)[-_LONGEST:]
        if not data or self.answered:
            return
        self._heard = (self._heard + data)[-_LONGEST:]
        frame = answer_in(self._heard, self._address)
        if frame is None:
            self._noisy = True
        elif not is_busy(frame):
            self.answered = True
            self._noisy = not is_whole(frame)
            if not self._noisy:
                self._unanswered_at = None


def answer_in(heard: bytes, address: int) -> bytes | None:
    """The first frame of the peripheral at `address`, once it is as long as it says."""
    at = heard.find(_SOM)
    while at >= 0:
        frame = heard[at:]
        if len(frame) > _HEADER and frame[1] in (address | _ANSWER, _BROADCAST | _ANSWER):
            length = int.from_bytes(frame[2:4], "little")
            if _HEADER < length <= len(frame):
                return frame[:length]
        at = heard.find(_SOM, at + 1)
    return None


def is_whole(frame: bytes) -> bool:
    """Whether its CRC, or its checksum, is right."""
    if frame[4] & _WITH_CRC:
        return binascii.crc_hqx(frame[:-2], _CRC_BEGIN) == int.from_bytes(frame[-2:], "little")
    return sum(frame) & 0xFF == 0


def is_busy(frame: bytes) -> bool:
    """Whether it says that the peripheral has no time now (osdp_BUSY): it is asked again."""
    return frame[4] & ~_WITH_CRC == 0 and frame[_HEADER] == _BUSY
