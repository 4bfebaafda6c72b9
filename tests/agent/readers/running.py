"""A reader in its thread, as the agent runs it."""

import os
import queue
import threading
from pathlib import Path
from typing import Self, TypeVar

from agent.readers import Reader, ReaderConfig, open_reader
from agent.reads import BadgeRead, Event, ReaderState, Unreadable


def faults(here: int) -> int:
    """How many a campaign plays: POINTEUSE_FAULTS, or so many where nobody says (in CI)."""
    return int(os.environ.get("POINTEUSE_FAULTS", str(here)))


E = TypeVar("E", BadgeRead, Unreadable, ReaderState)


class Running:
    """Use it in a `with` block; it checks that the reader ends when told to."""

    def __init__(self, config: ReaderConfig, reader: Reader | None = None) -> None:
        self.reader: Reader = open_reader(config) if reader is None else reader
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=config.name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive(), "the reader did not stop"
        assert self._error is None, repr(self._error)

    def any(self) -> Event:
        """The next event, whatever it is."""
        return self._events.get(timeout=30)

    def within(self, seconds: float) -> Event | None:
        """The next event; None when none comes in so many seconds."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def next(self, kind: type[E]) -> E:
        """The next event, which must be of `kind`."""
        event = self.any()
        assert isinstance(event, kind), event
        return event

    def state(self) -> str:
        return self.next(ReaderState).state

    def until(self, state: str) -> None:
        """Pass by states until `state`, and nothing but states."""
        while self.state() != state:
            pass

    def thread_ident(self) -> int:
        """The reader's thread, as the clocks of threads know it."""
        assert self._thread.ident is not None
        return self._thread.ident

    def nothing_more(self) -> bool:
        return self._events.empty()

    def _run(self) -> None:
        try:
            self.reader.run(self._events.put, self._stop)
        except BaseException as error:
            self._error = error
            raise


def descriptors() -> int:
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
