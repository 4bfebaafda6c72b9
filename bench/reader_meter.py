"""What a reader's transport takes of a presentation: the rest is ours.

The calls of the transport are wrapped: libpcsclite's for PC/SC, those of an open port for all on a
line, `poll` and `read` for a keyboard. What is done between them is ours, nfcpy's and libosdp's
work included; so is a wait that time ended, and not the line.
"""

import contextlib
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import evdev
from smartcard import scard

from agent.readers import winscard
from agent.readers.port import Port
from agent.reads import BadgeRead, Event, ReaderState

_PATIENCE_S = 20.0


class Meter:
    """One reader's: begun when a badge is there, read when it was identified."""

    def __init__(self) -> None:
        self.carried: list[tuple[int, int]] = []
        """Octets written, and octets read after them, in order, until the badge was identified."""
        self.apdus: list[tuple[bytes, bytes]] = []
        """Commands to its card, and the answers."""
        self._carried: list[tuple[int, int]] = []
        self._apdus: list[tuple[bytes, bytes]] = []
        self._begun = 0.0
        self._inside = 0.0
        self._read: tuple[float, float] | None = None
        self._ready = threading.Event()
        self._done = threading.Event()

    def begin(self) -> None:
        """A badge is about to be there: whatever waits for it has begun to wait now."""
        self._done.clear()
        self.there()

    def there(self) -> None:
        """The transport says that a badge may be there: nothing before this counts."""
        if not self._done.is_set():
            self._begun, self._inside = time.perf_counter(), 0.0
            self._carried, self._apdus = [], []

    def emit(self, event: Event) -> None:
        """What the reader calls. A refusal is no measurement: nobody waits for it here."""
        if isinstance(event, ReaderState) and event.state == "ready":
            self._ready.set()
        elif isinstance(event, BadgeRead):
            self.identified()

    def identified(self) -> None:
        """Here is what was begun for: the rest is another's."""
        total = time.perf_counter() - self._begun
        if not self._done.is_set():
            self._read = total * 1000, (total - self._inside) * 1000
            self.carried, self.apdus = self._carried, self._apdus
            self._done.set()

    def wait_ready(self) -> None:
        """Wait until the reader is. Raises RuntimeError."""
        if not self._ready.wait(_PATIENCE_S):
            raise RuntimeError("the reader is not ready")

    def read(self) -> tuple[float, float]:
        """Milliseconds until a badge was identified, and ours of them. Raises RuntimeError."""
        if not self._done.wait(_PATIENCE_S) or self._read is None:
            raise RuntimeError("a badge was not identified")
        return self._read

    def around(self, call: Callable[..., Any], *, wait: bool = False) -> Callable[..., Any]:
        """`call`, timed; a `wait` only when it ended with what it waited for."""

        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            answer = wait
            try:
                answer = call(*arguments, **named)
            finally:
                if answer or not wait:
                    self._inside += time.perf_counter() - max(started, self._begun)
            return answer

        return timed

    def wrote(self, count: int) -> None:
        """Note octets written."""
        if self._carried and not self._carried[-1][1]:
            self._carried[-1] = self._carried[-1][0] + count, 0
        else:
            self._carried.append((count, 0))

    def heard(self, count: int) -> None:
        """Note octets read."""
        if not self._carried:
            self._carried.append((0, 0))
        written, before = self._carried[-1]
        self._carried[-1] = written, before + count

    def exchanged(self, apdu: bytes, answer: bytes) -> None:
        """Note a command to a card."""
        self._apdus.append((apdu, answer))


class Pipe(evdev.InputDevice):  # type: ignore[type-arg]
    """A pipe of key events that evdev reads, without what it asks a device."""

    def __init__(self, pipe: int) -> None:
        self.fd, self.name = pipe, "pipe"

    def grab(self) -> None:
        """Nobody else has it."""

    def close(self) -> None:
        """Who made the pipe closes it."""


@contextlib.contextmanager
def serial_calls(meter: Meter) -> Iterator[None]:
    """Wrap those of an open port."""
    take, write = Port.take, Port.write

    def timed_take(port: Port, *most: int) -> bytes:
        data: bytes = meter.around(take)(port, *most)
        meter.heard(len(data))
        return data

    def timed_write(port: Port, data: bytes) -> None:
        meter.wrote(len(data))
        meter.around(write)(port, data)

    with (
        _replaced(Port, "wait", meter.around(Port.wait, wait=True)),
        _replaced(Port, "take", timed_take),
        _replaced(Port, "write", timed_write),
    ):
        yield


@contextlib.contextmanager
def scard_calls(meter: Meter) -> Iterator[None]:
    """Wrap libpcsclite's. A badge is there when it says so: vpcd's slots are looked at slowly."""
    with _replaced(winscard, "scard", _Scard(scard, meter)):
        yield


@contextlib.contextmanager
def keyboard_calls(meter: Meter, pipe: int) -> Iterator[None]:
    """Wrap a keyboard's, and let `pipe` be one."""

    class Device(Pipe):
        def __init__(self, _device: str) -> None:
            super().__init__(pipe)

        def read(self) -> Iterator[evdev.InputEvent]:
            events = super().read()
            return iter(meter.around(lambda: list(events))())

    poll = select.poll

    class Poll:
        def __init__(self) -> None:
            self._poll = poll()
            self.register = self._poll.register
            self.poll = meter.around(self._poll.poll)

    with _replaced(evdev, "InputDevice", Device), _replaced(select, "poll", Poll):
        yield


class _Scard:
    """smartcard.scard, timed."""

    def __init__(self, real: Any, meter: Meter) -> None:
        self._real, self._meter = real, meter

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not name.startswith("SCard") or not callable(found):
            return found
        timed = self._meter.around(found)
        if name == "SCardGetStatusChange":
            return lambda *arguments: self._waited(timed(*arguments))
        if name == "SCardTransmit":
            return lambda *arguments: self._transmitted(arguments[2], timed(*arguments))
        return timed

    def _waited(self, answer: Any) -> Any:
        self._meter.there()
        return answer

    def _transmitted(self, apdu: list[int], answer: Any) -> Any:
        self._meter.exchanged(bytes(apdu), bytes(answer[1]))
        return answer


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
