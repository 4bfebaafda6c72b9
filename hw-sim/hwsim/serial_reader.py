"""A serial badge reader at the other end of a pty.

The symbolic link `device` stays the same over an unplug and a replug, as a udev link would;
behind it each replug is another pty.
"""

import contextlib
import fcntl
import os
import select
import struct
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Self

from hwsim.errors import SimulatorError

STX = b"\x02"
ETX = b"\x03"

_BAUDS = {
    getattr(termios, f"B{baud}"): baud
    for baud in (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
}
_OUT_SPEED = 5
"""Where termios.tcgetattr tells it."""
_INT = struct.Struct("i")
_CHUNK = 4096
_FULL_MS = 1000
"""How long a program may leave a full line untouched before octets are lost."""
_FLUSH_MS = 500
"""How long a flush is waited for from a program that may never flush."""


def em4100_digits(number: str) -> bytes:
    """The 10 hex digits of an EM4100 number and its 2 digits of XOR checksum, in ASCII."""
    try:
        octets = bytes.fromhex(number)
    except ValueError as error:
        raise SimulatorError(f"{number!r} is not hexadecimal; an EM4100 number is") from error
    if len(octets) != 5:
        raise SimulatorError(f"{number!r} has {len(octets)} octets; an EM4100 number has 5")
    checksum = 0
    for octet in octets:
        checksum ^= octet
    return (octets + bytes([checksum])).hex().upper().encode()


def rdm6300_frame(number: str) -> bytes:
    """What an RDM6300 sends for a tag."""
    return STX + em4100_digits(number) + ETX


def id12_frame(number: str) -> bytes:
    """What an ID-12 sends for a tag."""
    return STX + em4100_digits(number) + b"\r\n" + ETX


def line_frame(text: str) -> bytes:
    """What a scanner in serial mode sends for a code."""
    return text.encode("utf-8") + b"\r\n"


FRAMES: dict[str, Callable[[str], bytes]] = {
    "rdm6300": rdm6300_frame,
    "id12": id12_frame,
    "line": line_frame,
}


class SerialReader:
    """A simulated reader; use it in a `with` block, or call `close`."""

    def __init__(self, device: Path, protocol: str = "rdm6300") -> None:
        """`device` is the path to make; `protocol` one of "rdm6300", "id12", "line"."""
        if protocol not in FRAMES:
            raise SimulatorError(
                f"{protocol!r} is no serial protocol here; {', '.join(FRAMES)} are"
            )
        self.device = device
        self._frame = FRAMES[protocol]
        self._master: int | None = None
        self._flushed = False
        self.replug()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def replug(self) -> None:
        """Plug it in: a new pty behind `device`; nothing if it is plugged in."""
        if self._master is not None:
            return
        master, slave = os.openpty()
        try:
            tty.setraw(master)
            # Packet mode: the master is told when a program flushes its input.
            fcntl.ioctl(master, termios.TIOCPKT, _INT.pack(1))
            os.set_blocking(master, False)
            self._link(os.ttyname(slave))
        except BaseException:
            os.close(master)
            raise
        finally:
            # Without a slave of ours open, the master tells whether anybody else has one.
            os.close(slave)
        self._master = master
        self._flushed = False

    def unplug(self) -> None:
        """Pull it out: `device` goes, and whoever has it open sees it go."""
        if self._master is None:
            return
        with contextlib.suppress(FileNotFoundError):
            self.device.unlink()
        os.close(self._master)
        self._master = None

    close = unplug

    def opened(self, timeout_s: float = 10.0) -> bool:
        """Wait until a program has the device open; False when `timeout_s` passed without.

        A program that throws away old input as it opens, as pyserial does, has done so by then.
        """
        deadline = time.monotonic() + timeout_s
        while not self._is_open():
            self._flushed = False
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        if not self._flushed:
            self._flushed = True
            self._await_flush()
        return True

    def drained(self, timeout_s: float = 10.0) -> bool:
        """Wait until what was sent has been taken; False when `timeout_s` passed without."""
        deadline = time.monotonic() + timeout_s
        empty = 0
        # Octets on their way between the two sides of a pty are counted on neither.
        while empty < 2:
            empty = 0 if self._waiting() else empty + 1
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def present(self, number: str) -> None:
        """Hold a badge to it, once."""
        self.send(self._frame(number))

    def wrong_checksum(self, number: str) -> None:
        """Send a well-formed RDM6300 frame whose checksum is wrong."""
        digits = em4100_digits(number)
        wrong = b"%02X" % (int(digits[10:], 16) ^ 0x01)
        self.send(STX + digits[:10] + wrong + ETX)

    def garble(self, number: str, at: int = 3, octet: int = 0x7F) -> None:
        """Send a badge with the octet at position `at` of its frame replaced."""
        frame = bytearray(self._frame(number))
        frame[at] = octet
        self.send(bytes(frame))

    def cut(self, number: str, after: int = 6) -> None:
        """Send only the first `after` octets of a badge's frame."""
        self.send(self._frame(number)[:after])

    def send(self, data: bytes) -> None:
        """Send any octets, as fast as they are taken. What nobody takes in time is lost."""
        if self._master is None:
            raise SimulatorError(f"{self.device} is unplugged; replug it first")
        poll = select.poll()
        poll.register(self._master, select.POLLOUT)
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                if not self._is_open() or not poll.poll(_FULL_MS):
                    return

    def received(self, timeout_ms: int) -> bytes:
        """What a program sent, as soon as there is some; nothing when `timeout_ms` passed."""
        if self._master is None:
            time.sleep(timeout_ms / 1000)
            return b""
        poll = select.poll()
        poll.register(self._master, select.POLLIN | select.POLLPRI)
        if not poll.poll(timeout_ms):
            return b""
        try:
            data = os.read(self._master, _CHUNK)
        except OSError:
            # Nobody has it open.
            time.sleep(timeout_ms / 1000)
            return b""
        # In packet mode the first octet tells what follows: 0 for data.
        return data[1:] if data[:1] == b"\x00" else b""

    def speed(self) -> int:
        """The bits a second that the program set which has it open; 0 when it is unplugged."""
        if self._master is None:
            return 0
        return _BAUDS.get(termios.tcgetattr(self._master)[_OUT_SPEED], 0)

    def _is_open(self) -> bool:
        if self._master is None:
            return False
        poll = select.poll()
        poll.register(self._master, 0)
        return not poll.poll(0)

    def _await_flush(self) -> None:
        """Wait for the notice that the input was flushed, or for long enough to do without."""
        if self._master is None:
            return
        poll = select.poll()
        poll.register(self._master, select.POLLIN | select.POLLPRI)
        if poll.poll(_FLUSH_MS):
            with contextlib.suppress(OSError):
                os.read(self._master, 1024)

    def _waiting(self) -> int:
        """Octets sent and not yet taken."""
        if not self._is_open():
            return 0
        line = os.open(self.device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            waiting = fcntl.ioctl(line, termios.FIONREAD, bytes(_INT.size))
        finally:
            os.close(line)
        return int(_INT.unpack(waiting)[0])

    def _link(self, target: str) -> None:
        """Point `device` at `target` in one step, so that nobody sees it half made."""
        if self.device.exists() and not self.device.is_symlink():
            raise SimulatorError(
                f"{self.device} exists and is no link of ours; choose another path"
            )
        new = self.device.with_name(f".{self.device.name}.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        new.symlink_to(target)
        new.replace(self.device)
