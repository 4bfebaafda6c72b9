"""While the disk has no room to open a journal on: red for every tap, and another try each second.

Without this the agent could only end, and the worker would hold a badge to a dark reader.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from agent.disk import has_room, make_room
from agent.feedback import Sink
from agent.notify import Notifier
from agent.reads import BadgeRead, Event, Feedback, ReaderState, Unreadable
from agent.telemetry import Telemetry

_log = logging.getLogger("pointeuse.gate")
_EACH_S = 1.0
_POLL_S = 0.1


class StopError(Exception):
    """The agent was asked to stop while it waited."""


class OutOfOrder:
    """Takes the readers' events until a gate does. `wait` and `hand_over` are one thread's."""

    def __init__(
        self,
        state: Path,
        sink: Sink,
        telemetry: Telemetry,
        notifier: Notifier,
        stop: threading.Event,
        begin: Callable[[], None],
    ) -> None:
        """`begin` is called with the first wait: to start the readers and to answer `status`."""
        self._state, self._sink, self._telemetry = state, sink, telemetry
        self._notifier, self._stop, self._begin = notifier, stop, begin
        self._inbox: SimpleQueue[Event] = SimpleQueue()
        self._put: Callable[[Event], None] = self._inbox.put
        self._lock = threading.Lock()
        self._why: str | None = None

    def emit(self, event: Event) -> None:
        """Hand over what a reader saw. Never blocks for long."""
        with self._lock:
            self._put(event)

    def wait(self, error: Exception) -> None:
        """Be out of order, since `error`, until there may be room; a second at least.

        Raises StopError.
        """
        first = self._why is None
        if str(error) != self._why:
            self._why = str(error)
            _log.error("out of order: %s", error)
        self._telemetry.alarm("cannot-store", self._why)
        if first:
            self._begin()
        make_room(self._state, full=True)
        until = time.monotonic() + _EACH_S
        while time.monotonic() < until or not has_room(self._state):
            if self._stop.is_set():
                raise StopError
            self._notifier.send("WATCHDOG=1")
            with suppress(Empty):
                self._show(self._inbox.get(timeout=_POLL_S))

    def hand_over(self, emit: Callable[[Event], None]) -> None:
        """There is a journal: `emit` takes what was not shown, and whatever comes from now on."""
        with self._lock, suppress(Empty):
            self._put = emit
            if self._why is not None:
                _log.warning("there is room on the disk of %s again", self._state)
                self._telemetry.alarm("cannot-store", None)
            while True:
                emit(self._inbox.get_nowait())

    def _show(self, event: Event) -> None:
        if isinstance(event, BadgeRead):
            self._telemetry.count("cannot_store")
            self._sink.show(event.reader, Feedback.OUT_OF_ORDER)
        elif isinstance(event, Unreadable):
            self._telemetry.unreadable(event)
            self._sink.show(event.reader, Feedback.TRY_AGAIN)
        elif isinstance(event, ReaderState):
            self._telemetry.reader(event)
