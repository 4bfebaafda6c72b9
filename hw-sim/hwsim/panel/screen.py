"""The terminal's screen: a pty on which the agent draws, and what stands there."""

import os
import re
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, Self

_PART = re.compile(r"\x1b\[([0-9]+);1m(.*?)\x1b\[0m")
_COLOURS = {"31": "red", "32": "green", "33": "yellow"}
"""Of SGR (ECMA-48, 8.3.117), those an agent uses."""
_KEPT = 50
_CHUNK = 4096


@dataclass(frozen=True)
class Line:
    """One line, in parts of one colour each."""

    number: int
    at_ms: int
    reader: str
    colour: str
    parts: list[tuple[str, str]]
    """Colour and words."""

    @property
    def said(self) -> tuple[str, str]:
        """All its words, and the colour of the first."""
        return "".join(words for _, words in self.parts), self.colour


class Screen:
    """Use it in a `with` block; `stdout` is what a program is to write to."""

    def __init__(self) -> None:
        self._master, self.stdout = os.openpty()
        self._changed = threading.Condition()
        self._lines: list[Line] = []
        self._count = 0
        self._thread = threading.Thread(target=self._read, name="screen", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # With nobody left who could write, reading ends.
        os.close(self.stdout)
        self._thread.join()
        os.close(self._master)

    def lines(self) -> list[dict[str, Any]]:
        """The last lines, the newest last."""
        with self._changed:
            return [asdict(line) for line in self._lines]

    def count(self) -> int:
        """How many lines were drawn so far."""
        with self._changed:
            return self._count

    def wait(self, reader: str, after: int, timeout_s: float) -> Line | None:
        """The first line for `reader` that comes after line `after`, or None when none came."""

        def found() -> Line | None:
            return next((x for x in self._lines if x.number > after and x.reader == reader), None)

        with self._changed:
            return self._changed.wait_for(found, timeout_s)

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                data = os.read(self._master, _CHUNK)
            except OSError:
                return
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                self._draw(line.decode(errors="replace"))

    def _draw(self, text: str) -> None:
        parts = [(_COLOURS.get(code, "plain"), words) for code, words in _PART.findall(text)]
        if not parts:
            return
        reader, _, words = parts[0][1].partition(": ")
        parts[0] = parts[0][0], words
        with self._changed:
            self._count += 1
            now_ms = time.time_ns() // 1_000_000
            self._lines.append(Line(self._count, now_ms, reader, parts[0][0], parts))
            del self._lines[:-_KEPT]
            self._changed.notify_all()
