"""Asking somebody again and again, without waiting for an answer oneself."""

import threading
import time
from collections.abc import Callable
from typing import Generic, Self, TypeVar

_Answer = TypeVar("_Answer")


class Asked(Generic[_Answer]):
    """The last answer of somebody who may be slow, or say nothing. Use it in a `with` block."""

    def __init__(self, ask: Callable[[], _Answer], every_s: float, name: str) -> None:
        """The first answer is waited for."""
        self._ask, self._every_s = ask, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._begun: float | None = None
        self.answer = ask()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Not waited for: whoever is asked just now may never answer.
        self._stop.set()

    @property
    def waits_s(self) -> float:
        """For how long the question that is asked just now has been without an answer."""
        begun = self._begun
        return 0.0 if begun is None else time.monotonic() - begun

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._begun = time.monotonic()
            self.answer = self._ask()
            self._begun = None
