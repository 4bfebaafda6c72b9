"""What every reader is, and the small things all of them need."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from agent.reads import Event, Feedback, ReaderState
from protocol.settings import SettingsError

Emit = Callable[[Event], None]

PERIOD_S = 0.1
"""From one question to the next of a reader that is asked: a badge waits this long at most."""
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 2.0


class ReaderUnavailableError(SettingsError):
    """The library a reader family needs is not installed; the message says how to install it."""


class Reader(Protocol):
    """One reader of the configuration, with a thread of its own."""

    name: str

    def describe(self) -> str:
        """What it is, in one line for `status`."""

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Sense badges and `emit` events until `stop` is set.

        Recovers by itself from hardware that goes and comes back. Ends within about half a second
        of `stop`. `emit` is called from this thread only, and must not block.
        """

    def feedback(self, feedback: Feedback, text: str = "") -> None:
        """Show the worker, where there is a lamp or a buzzer; never blocks, never raises.

        `text` is for a display: at most 16 characters of ASCII, and empty when a sign does.
        """


def until_tick(period_s: float = PERIOD_S) -> float:
    """Seconds until the next of the moments, `period_s` apart, that all readers have in common.

    Those that ask do so then, one right after the other: a processor that has just woken for one
    has the code at hand for all.
    """
    return period_s - time.monotonic() % period_s


class StateReport:
    """Emits a reader's state, once for each change."""

    def __init__(self, reader: str, emit: Emit) -> None:
        self._reader = reader
        self._emit = emit
        self._last: tuple[str, str] | None = None

    def tell(self, state: str, detail: str) -> None:
        """`state` is "ready", "absent" or "failed"; `detail` says what and why.

        Where it is not "ready", a colon follows, and the fix: the doctor tells them apart by it.
        """
        if self._last != (state, detail):
            self._last = (state, detail)
            self._emit(ReaderState(self._reader, state, detail))


class Backoff:
    """Waits that double from FIRST_BACKOFF_S to LONGEST_BACKOFF_S until `reset`."""

    def __init__(self) -> None:
        self._next = FIRST_BACKOFF_S

    def wait(self, stop: threading.Event) -> None:
        """Wait, or return at once when `stop` is set."""
        stop.wait(self._next)
        self._next = min(self._next * 2, LONGEST_BACKOFF_S)

    def reset(self) -> None:
        """Things work again: the next wait is a short one."""
        self._next = FIRST_BACKOFF_S
