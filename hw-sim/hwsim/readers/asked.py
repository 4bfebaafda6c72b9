"""A reader that speaks when spoken to, at the other end of a pty: hold tags to it, or break it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from hwsim.errors import SimulatorError
from hwsim.readers.answers import (
    KINDS,
    Answers,
    DebusAnswers,
    SscpAnswers,
    Tag,
    Twn4Answers,
)
from hwsim.serial_reader import SerialReader

PROTOCOLS: dict[str, Callable[[], Answers]] = {
    "twn4": Twn4Answers,
    "sscp": SscpAnswers,
    "deister": DebusAnswers,
}

_WAIT_MS = 10
_JOIN_S = 10


class AskedReader:
    """Use it in a `with` block, or call `close`."""

    def __init__(self, device: Path, protocol: str) -> None:
        """`device` is the path to make; `protocol` one of PROTOCOLS."""
        if protocol not in PROTOCOLS:
            raise SimulatorError(f"{protocol!r} is no protocol here; {', '.join(PROTOCOLS)} are")
        self.device = device
        self.mute = False
        """Take questions and answer none."""
        self.questions = 0
        """How often it was asked something."""
        self._make = PROTOCOLS[protocol]
        self._answers = self._make()
        self._tag: Tag | None = None
        self._spoil: Callable[[bytes], bytes] | None = None
        self._port = SerialReader(device)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sim {protocol}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and pull it out."""
        self._stop.set()
        self._thread.join(_JOIN_S)
        self._port.close()

    @property
    def shown(self) -> list[str]:
        """The lamp and buzzer commands that came, as hex."""
        return list(self._answers.shown)

    def hold(self, kind: str, number: str) -> None:
        """Lay a tag of `kind` with a `number` of hex digits on it."""
        if kind not in KINDS:
            raise SimulatorError(f"{kind!r} is no kind of tag here; {', '.join(KINDS)} are")
        self._tag = Tag(kind, bytes.fromhex(number))

    def take_away(self) -> None:
        """Take the tag off it."""
        self._tag = None

    def spoil_next(self, spoil: Callable[[bytes], bytes]) -> None:
        """Send what `spoil` makes of the next answer instead."""
        self._spoil = spoil

    def unplug(self) -> None:
        """Pull it out, in the middle of whatever it was saying."""
        with self._lock:
            self._port.unplug()
            self._answers = self._make()

    def replug(self) -> None:
        """Plug it in."""
        with self._lock:
            self._port.replug()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                data = self._port.received(_WAIT_MS)
                answer = self._answers.take(data, self._tag) if data else b""
                self.questions += bool(answer)
                if answer and not self.mute:
                    spoil, self._spoil = self._spoil, None
                    self._port.send(answer if spoil is None else spoil(answer))
            self._stop.wait(0.001)
