"""How far a long piece of work has come, on stderr, once it has taken a second."""

import sys
import time

_FIRST_S, _NEXT_S = 1.0, 1.0


class Progress:
    """Call it with how much is done, and how much there is if that is known."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._next = time.monotonic() + _FIRST_S
        self._shown = False

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say it, at most once a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _NEXT_S
        of = "" if total is None else f" of {total}"
        end = "\r" if sys.stderr.isatty() else "\n"
        sys.stderr.write(f"{self._word} {done}{of} records ...{end}")
        sys.stderr.flush()
        self._shown = sys.stderr.isatty()

    def end(self) -> None:
        """Leave the line clean for what is printed next."""
        if self._shown:
            sys.stderr.write("\x1b[2K\r")
