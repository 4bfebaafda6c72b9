"""A serial port that is open: octets out, and octets in as soon as they are worth waking for.

pyserial opens it and sets it up. What is said goes by its descriptor: a read of pyserial's asks
the kernel several times over, and a terminal that waits for badges does little else all day.
"""

import errno
import os
import select
import termios
import time
from typing import Self

import serial

_WRITE_S = 0.25
_CHUNK = 4096
_CONTROL = 6
"""Where termios.tcgetattr has the special characters."""

SERIAL_FAULTS = (OSError, ValueError, termios.error)
"""What is raised when a port cannot be opened or is lost."""


class Port:
    """Use it in a `with` block, or call `close`. Every method raises one of SERIAL_FAULTS."""

    def __init__(self, device: str, baud: int) -> None:
        """Take `device` for this program alone, and throw away what came before."""
        self._serial = serial.Serial(device, baud, timeout=0, exclusive=True)
        self._fd = int(self._serial.fileno())
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        try:
            self.wake_from(1)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self._serial.close()

    @property
    def baud(self) -> int:
        """Bits a second."""
        return int(self._serial.baudrate)

    @baud.setter
    def baud(self, value: int) -> None:
        self._serial.baudrate = value
        self.wake_from(self._least)

    def wake_from(self, octets: int) -> None:
        """Have `wait` sleep on while fewer `octets` than this (1 to 255) are there."""
        self._least = octets
        attributes = termios.tcgetattr(self._fd)
        attributes[_CONTROL][termios.VMIN] = octets
        termios.tcsetattr(self._fd, termios.TCSANOW, attributes)

    def wait(self, longest_s: float) -> bool:
        """Wait for octets, or for the port to go; False when `longest_s` passed before."""
        return bool(self._poll.poll(longest_s * 1000))

    def take(self, most: int = _CHUNK) -> bytes:
        """What is there, at once; it may be nothing."""
        try:
            data = os.read(self._fd, most)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError(errno.EIO, "the port was lost")
        return data

    def write(self, data: bytes) -> None:
        """Send `data`; the port is lost when nobody takes it."""
        until = time.monotonic() + _WRITE_S
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                left_s = until - time.monotonic()
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                if left_s <= 0 or not poll.poll(left_s * 1000):
                    raise OSError(errno.EIO, "nothing is taken any more") from None

    def forget(self) -> None:
        """Throw away what is there."""
        termios.tcflush(self._fd, termios.TCIFLUSH)
