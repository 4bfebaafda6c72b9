"""The line to a PN532: whole frames in, octets out, and no wait that outlasts `stop`."""

import errno
import threading
import time

from agent.readers.port import SERIAL_FAULTS, Port

START_BAUD = 115200
_START = b"\x00\x00\xff"
_ACK = b"\x00\xff"
_EXTENDED = b"\xff\xff"
_LONGEST = 265
"""Octets of data in a frame (UM0701-02, 6.2.1.2)."""
_SLICE_S = 0.3
"""How often `stop` is looked at."""
_GRACE_S = 0.1
"""How much longer than nfcpy asks for a frame is waited for: it gives the chip 0.1 s to take a
command, and a busy machine may take as long to hear of it."""


class LineLostError(OSError):
    """The port went; `__cause__` is what pyserial said."""


class SilenceError(OSError):
    """No frame came in the time given."""

    def __init__(self) -> None:
        super().__init__(errno.ETIMEDOUT, "no frame came")


class StoppedError(OSError):
    """The reader is to end."""


class Pn532Line:
    """What nfcpy takes for its transport."""

    TYPE = "TTY"

    def __init__(self, device: str, stop: threading.Event) -> None:
        """Raises OSError, ValueError, termios.error."""
        self.lost: Exception | None = None
        """What went wrong with the port, once something did."""
        self._stop: threading.Event | None = stop
        self._buffer = b""
        self._port = Port(device, START_BAUD)

    def last_words(self) -> None:
        """What is said from now on is said although the reader is to end."""
        self._stop = None

    @property
    def baudrate(self) -> int:
        """Bits a second."""
        return self._port.baud

    @baudrate.setter
    def baudrate(self, value: int) -> None:
        try:
            self._port.baud = value
        except SERIAL_FAULTS as error:
            raise self._loss(error) from error

    def write(self, data: bytes) -> None:
        """Send `data`; what came before belongs to nothing any more. Raises LineLostError."""
        self._buffer = b""
        try:
            self._port.forget()
            self._port.write(data)
        except SERIAL_FAULTS as error:
            raise self._loss(error) from error

    def read(self, timeout: int) -> bytearray:
        """The next frame, within `timeout` ms and a little more.

        Raises LineLostError, SilenceError, StoppedError.
        """
        deadline = time.monotonic() + timeout / 1000 + _GRACE_S
        while True:
            frame = self._frame()
            if frame is not None:
                return bytearray(frame)
            if self._stop is not None and self._stop.is_set():
                raise StoppedError(errno.ECANCELED, "the reader is to end")
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise SilenceError
            self._buffer += self._heard(min(left_s, _SLICE_S))

    def close(self) -> None:
        """Give the port back; never raises."""
        try:
            self._port.close()
        except SERIAL_FAULTS as error:
            self.lost = self.lost or error

    def _heard(self, longest_s: float) -> bytes:
        try:
            return self._port.take() if self._port.wait(longest_s) else b""
        except SERIAL_FAULTS as error:
            raise self._loss(error) from error

    def _loss(self, error: Exception) -> LineLostError:
        self.lost = error
        return LineLostError(errno.EIO, "the port was lost")

    def _frame(self) -> bytes | None:
        """A whole frame from the beginning of what was heard; noise before it is dropped."""
        while True:
            at = self._buffer.find(_START)
            if at < 0:
                self._buffer = self._buffer[-(len(_START) - 1) :]
                return None
            self._buffer = self._buffer[at:]
            length = _length(self._buffer)
            if length is None or length > len(self._buffer):
                return None
            if length:
                frame, self._buffer = self._buffer[:length], self._buffer[length:]
                return frame
            self._buffer = self._buffer[1:]


def _length(data: bytes) -> int | None:
    """Octets of the frame that begins `data`; None while that is not known, 0 if it is none."""
    if len(data) < 5:
        return None
    head = data[3:5]
    if head == _ACK:
        return 6
    if head == _EXTENDED:
        if len(data) < 8:
            return None
        count = int.from_bytes(data[5:7], "big")
        return count + 10 if not sum(data[5:8]) & 0xFF and count <= _LONGEST else 0
    return head[0] + 7 if not sum(head) & 0xFF else 0
