"""A PN532 at the other end of a pty: hold cards to it, unplug it, leave it half asked."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from hwsim.cards import Card
from hwsim.pn532.chip import Chip
from hwsim.pn532.field import Field
from hwsim.serial_reader import SerialReader

_IDLE_MS = 20
_SEARCH_MS = 2
_JOIN_S = 10


class Pn532Reader:
    """Use it in a `with` block, or call `close`. The symbolic link `device` leads to it."""

    def __init__(self, device: Path) -> None:
        """`device` is the path to make."""
        self.field = Field()
        self.mute = False
        """Take commands and answer none."""
        self._chip = Chip(self.field)
        self._spoil: Callable[[bytes], bytes] | None = None
        self._port = SerialReader(device)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sim pn532", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Pull it out, for good."""
        self._stop.set()
        self._thread.join(_JOIN_S)
        self._port.close()

    @property
    def device(self) -> Path:
        """Where it is."""
        return self._port.device

    @property
    def counts(self) -> dict[int, int]:
        """How often each command came, by its code, since it was plugged in."""
        return dict(self._chip.counts)

    def insert(self, card: Card, pull_at: int | None = None) -> None:
        """Lay `card` on it; see Field.insert. Raises SimulatorError."""
        self.field.insert(card, pull_at)

    def remove(self) -> None:
        """Take the card away."""
        self.field.remove()

    def wait_asked(self, timeout_s: float = 10.0) -> bool:
        """Wait until the card was spoken to, or went then; False when `timeout_s` passed before."""
        return self.field.asked.wait(timeout_s)

    def unplug(self) -> None:
        """Pull it out, in the middle of whatever it was saying; its chip is without power."""
        with self._lock:
            self._port.unplug()
            self._chip = Chip(self.field)

    def replug(self, device: Path | None = None) -> None:
        """Plug it in, at another path if `device` is one: udev may have renamed it."""
        with self._lock:
            if device is not None:
                self._port.device = device
            self._port.replug()

    def leave_with(self, sent: bytes, *, baud: int | None = None) -> None:
        """Leave the chip as a host that died left it: awake, with `sent` taken, at `baud`."""
        with self._lock:
            self._chip.sleep.asleep = False
            self._chip.receive(sent)
            if baud is not None:
                self._chip.baud = baud

    def spoil_next(self, spoil: Callable[[bytes], bytes]) -> None:
        """Send what `spoil` makes of the next octets instead."""
        self._spoil = spoil

    def send(self, data: bytes) -> None:
        """Send any octets, unasked."""
        with self._lock:
            self._port.send(data)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                data = self._port.received(_SEARCH_MS if self._chip.searching else _IDLE_MS)
                # At another speed than the chip's, what arrives is no octets of anybody's.
                if data and self._chip.hears(self._port.speed()):
                    self._say(self._chip.receive(data))
                self._say(self._chip.tick())
            # Whoever wants the lock gets it.
            self._stop.wait(0.0002)

    def _say(self, data: bytes) -> None:
        if data and not self.mute:
            spoil, self._spoil = self._spoil, None
            self._port.send(data if spoil is None else spoil(data))
