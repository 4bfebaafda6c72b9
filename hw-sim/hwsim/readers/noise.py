"""An RS-485 line between a terminal and a peripheral, on which things go wrong.

What one of them sends at once is one frame here, and is spoilt on its way to the other.
"""

import contextlib
import os
import random
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from hwsim.readers.answers import crc_ccitt
from hwsim.serial_reader import SerialReader

Spoil = Callable[[random.Random, bytes], bytes]
"""What becomes of a frame."""

_WAIT_MS = 50
_AWAY_S = 0.02
_JOIN_S = 10
_CHUNK = 4096
_SOM, _MARK = 0x53, 0xFF
_ANSWER = 0x80
_WITH_CRC = 0x04
_CRC_BEGIN = 0x1D0F
_ACK, _RAW, _POLL = 0x40, 0x50, 0x60


def frame(address: int, body: bytes, sequence: int, *, answer: bool) -> bytes:
    """An OSDP frame in plain (OSDP 2.2, packet format): `body` is its code and what follows."""
    length = 5 + len(body) + 2
    head = bytes([_SOM, address | _ANSWER * answer, *length.to_bytes(2, "little")])
    covered = head + bytes([sequence | _WITH_CRC]) + body
    return bytes([_MARK]) + covered + crc_ccitt(covered, _CRC_BEGIN).to_bytes(2, "little")


def flipped(chance: random.Random, data: bytes) -> bytes:
    """One to three bits wrong."""
    spoilt = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def dropped(chance: random.Random, data: bytes) -> bytes:
    """One to three octets missing."""
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randrange(1, 4) :]


def inserted(chance: random.Random, data: bytes) -> bytes:
    """One to eight octets too many; some look like the beginning of a frame."""
    at = chance.randrange(len(data) + 1)
    more = chance.choice([bytes([_SOM]), bytes([_MARK, _SOM]), b"", b"\0"])
    return data[:at] + more + chance.randbytes(chance.randrange(1, 7)) + data[at:]


def doubled(chance: random.Random, data: bytes) -> bytes:
    """An octet twice, or all of it."""
    at = chance.randrange(len(data))
    return chance.choice([data[: at + 1] + data[at:], data + data])


def burst(chance: random.Random, data: bytes) -> bytes:
    """A stretch of it is anything, and as much again follows."""
    at = chance.randrange(len(data))
    end = chance.randrange(at, len(data)) + 1
    return data[:at] + chance.randbytes(end - at) + data[end:] + chance.randbytes(at)


def cut(chance: random.Random, data: bytes) -> bytes:
    """Only its beginning, or nothing."""
    return data[: chance.randrange(len(data))]


def collided(chance: random.Random, data: bytes) -> bytes:
    """Somebody else speaks at the same time: where both drive the line, 0 wins."""
    begin = chance.randrange(len(data))
    other = another(chance)
    over = data[begin : begin + len(other)]
    return data[:begin] + bytes(map(int.__and__, over, other)) + data[begin + len(over) :]


def beside(chance: random.Random, data: bytes) -> bytes:
    """A frame of somebody else's comes before it, or after it, or instead of it."""
    other = another(chance)
    return chance.choice([other + data, data + other, other])


def another(chance: random.Random) -> bytes:
    """A good frame of another control panel's, or of another peripheral's."""
    address = chance.randrange(0x7F)
    sequence = chance.randrange(4)
    if chance.random() < 0.3:
        return frame(address, bytes([_POLL]), sequence, answer=False)
    said = chance.choice([bytes([_ACK]), bytes([_RAW, 0, 1, 26, 0, *chance.randbytes(4)])])
    return frame(address, said, sequence, answer=True)


SPOILS: dict[str, Spoil] = {
    "flipped": flipped,
    "dropped": dropped,
    "inserted": inserted,
    "doubled": doubled,
    "burst": burst,
    "cut": cut,
    "collided": collided,
    "beside": beside,
}


class NoisyLine:
    """Use it in a `with` block, or call `close`. `device` is the terminal's end."""

    def __init__(self, device: Path, peripheral: Path, chance: random.Random) -> None:
        """`device` is the path to make, `peripheral` that of the peripheral's device."""
        self.device = device
        self.echo = False
        """Whether the terminal hears itself, as with a converter that is never deaf."""
        self._peripheral = peripheral
        self._chance = chance
        self._terminal = SerialReader(device)
        self._far: int | None = None
        self._spoils: dict[bool, list[Spoil]] = {False: [], True: []}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=run, name="sim noisy line", daemon=True)
            for run in (self._from_terminal, self._from_peripheral)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the line away."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_JOIN_S)
        self._terminal.close()
        self._leave()

    def spoil(self, how: Spoil, frames: int, *, to_terminal: bool) -> None:
        """Let the next `frames` in one direction be spoilt."""
        with self._lock:
            self._spoils[to_terminal] += [how] * frames

    def spare(self) -> None:
        """Let nothing more be spoilt."""
        with self._lock:
            self._spoils = {False: [], True: []}

    @property
    def calm(self) -> bool:
        """Whether everything that was to be spoilt has been."""
        return not any(self._spoils.values())

    def say(self, data: bytes) -> None:
        """Have somebody else send `data`: both ends hear it."""
        self._terminal.send(data)
        self._to_peripheral(data)

    def _spoilt(self, data: bytes, *, to_terminal: bool) -> bytes:
        with self._lock:
            spoils = self._spoils[to_terminal]
            return spoils.pop(0)(self._chance, data) if spoils else data

    def _from_terminal(self) -> None:
        while not self._stop.is_set():
            if data := self._terminal.received(_WAIT_MS):
                if self.echo:
                    self._terminal.send(data)
                self._to_peripheral(self._spoilt(data, to_terminal=False))

    def _from_peripheral(self) -> None:
        while not self._stop.is_set():
            if data := self._heard():
                self._terminal.send(self._spoilt(data, to_terminal=True))

    def _heard(self) -> bytes:
        """What the peripheral sends; nothing while it is away."""
        data = b""
        with contextlib.suppress(OSError):
            if self._far is None:
                self._far = os.open(self._peripheral, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            poll = select.poll()
            poll.register(self._far, select.POLLIN)
            if not poll.poll(_WAIT_MS):
                return b""
            data = os.read(self._far, _CHUNK)
        if not data:
            self._leave()
            time.sleep(_AWAY_S)
        return data

    def _to_peripheral(self, data: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._far is not None:
                os.write(self._far, data)

    def _leave(self) -> None:
        with self._lock:
            if self._far is not None:
                os.close(self._far)
                self._far = None
