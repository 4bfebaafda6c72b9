"""The gate: one thread that owns the journal and the keys. A tap, from top to bottom.

Readers put events into the inbox; the gate takes all that wait together, records them in one
commit, and only then shows green. Whoever else needs the journal (the uplink, `status`, export)
asks the gate, between two groups.
"""

import logging
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from agent.badges.conditions import Conditions
from agent.feedback import TOLD, Sink
from agent.notify import Notifier
from agent.queue.errors import SQLITE_ERRORS, CannotStoreError
from agent.queue.journal import Journal
from agent.reads import BadgeRead, Event, Feedback, ReaderState, Unreadable
from agent.recorder import GROUP_READS, Recorder
from agent.telemetry import Telemetry
from agent.upkeep import Upkeep
from protocol.badges import Flag
from protocol.errors import MalformedError

T = TypeVar("T")
_TICK_S = 1.0
_BUSY_TICK_S = 0.005
_CROWD_S = 0.0005
_STOP = object()
_log = logging.getLogger("pointeuse.gate")


class StoppedError(Exception):
    """The gate has stopped and answers nothing any more."""


class _Question(Generic[T]):
    """A function to run in the gate's thread, and the way its answer takes back."""

    __slots__ = ("_answer", "_function")

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._answer: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run(self) -> Exception | None:
        """Answer; the error, if that was the answer."""
        try:
            self._answer.put((self._function(), None))
        except Exception as error:  # noqa: BLE001 - it is the asker's
            self._answer.put((None, error))
            return error
        return None

    def refuse(self) -> None:
        self._answer.put((None, StoppedError()))

    def wait(self) -> T:
        value, error = self._answer.get()
        if error is not None:
            raise error
        return value  # type: ignore[return-value]


class Gate:
    """Owns the journal; `run` is its thread, everything else may be called from any."""

    def __init__(
        self,
        journal: Journal,
        recorder: Recorder,
        telemetry: Telemetry,
        sink: Sink,
        *,
        debounce_s: float = 3.0,
        retention_ms: int | None = None,
        notifier: Notifier | None = None,
        receipt_keys: Callable[[], Sequence[bytes]] = tuple,
    ) -> None:
        """`receipt_keys` gives the COSE_Keys whose receipts a salvage believes."""
        self.upkeep = Upkeep(
            journal, recorder, telemetry, retention_ms=retention_ms, receipt_keys=receipt_keys
        )
        self.journal, self.recorder, self.telemetry = journal, recorder, telemetry
        self.recorded: Callable[[], None] = lambda: None
        """Called after each commit of taps, in the gate's thread: wakes the uplink."""
        self.conditions = Conditions()
        """What every badge is measured against; changed in the gate's thread."""
        self.debounce_s = debounce_s
        self._sink = sink
        self._notifier = notifier or Notifier()
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._seen: dict[tuple[str, str], float] = {}
        self._tick_at = 0.0
        self._crowd = 0
        """How many came together last."""
        self._stopped = False

    # -- for other threads -------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Hand over what a reader saw. Never blocks."""
        self._inbox.put(event)

    def ask(self, function: Callable[[], T]) -> T:
        """Run `function` in the gate's thread; its answer. Raises StoppedError, or its error."""
        question = _Question(function)
        self._inbox.put(question)
        if self._stopped:
            self._refuse_rest()
        return question.wait()

    def stop(self) -> None:
        """Let the gate finish what is in its inbox, and end."""
        self._inbox.put(_STOP)

    # -- the gate's thread -------------------------------------------------------------------

    def run(self) -> None:
        """Serve the inbox until `stop`. However it ends, nobody waits for an answer for ever."""
        waiting: list[Any] = []
        try:
            while not self._stopped:
                waiting = self._take()
                self._serve(waiting)
                # Whoever asks and asks must not keep the journal from being looked after.
                self._tick(idle=not any(type(item) is BadgeRead for item in waiting))
            self.upkeep.keep_time()
        finally:
            self._stopped = True
            self.upkeep.close()
            for item in waiting:
                if isinstance(item, _Question):
                    item.refuse()  # one that was answered already takes no notice
            self._refuse_rest()

    def _serve(self, waiting: Sequence[Any]) -> None:
        self._admit([item for item in waiting if type(item) is BadgeRead])
        for item in waiting:
            if isinstance(item, _Question):
                error = item.run()
                if isinstance(error, SQLITE_ERRORS):
                    self.journal.distrust(error)
            elif isinstance(item, Unreadable):
                self.telemetry.unreadable(item)
                self._show(item.reader, Feedback.TRY_AGAIN)
            elif isinstance(item, ReaderState):
                self.telemetry.reader(item)
            elif item is _STOP:
                self._stopped = True

    def _take(self) -> list[Any]:
        """Everything that waits, up to one group; an empty list after a quiet moment.

        In a crowd, whoever was shown green in the last commit is about to come again: they are
        waited for, not longer than a commit takes, so that they share the next one.
        """
        items: list[Any] = []
        try:
            tick_s = _BUSY_TICK_S if self.upkeep.busy else _TICK_S
            items.append(self._inbox.get(timeout=tick_s))
            while len(items) < GROUP_READS:
                if len(items) < self._crowd:
                    items.append(self._inbox.get(timeout=_CROWD_S))
                else:
                    items.append(self._inbox.get_nowait())
        except Empty:
            self._crowd = len(items)
            return items
        self._crowd = len(items)
        return items

    def _admit(self, reads: Sequence[BadgeRead]) -> None:
        fresh: list[BadgeRead] = []
        again: list[BadgeRead] = []
        for read in reads:
            measured = self.conditions.apply(read)
            (fresh if self._is_new(measured) else again).append(measured)
        if fresh:
            self._store(fresh)
        for read in again:
            self._repeated(read)

    def _store(self, reads: Sequence[BadgeRead]) -> None:
        try:
            self._record(reads)
        except MalformedError as error:
            self._store_those_that_fit(reads, error)
            return
        except CannotStoreError as error:
            self._cannot_store(reads, error)
            return
        green = Feedback.RECORDED if self.telemetry.online else Feedback.RECORDED_OFFLINE
        for read in reads:
            self._show_recorded(read, green)
        self.telemetry.count("taps", len(reads))
        self.telemetry.alarm("cannot-store", None)
        self.recorded()
        if len(reads) == 1:  # in a crowd there is no moment to do it in
            self.recorder.prepare()

    def _record(self, reads: Sequence[BadgeRead]) -> None:
        """Commit a record for each read: in a new journal if this one turns out broken, with the
        ballast given up if the disk is full.

        Raises MalformedError, CannotStoreError.
        """
        self.upkeep.admit_taps()
        try:
            self.recorder.record(reads)
        except CannotStoreError as error:
            if not self.upkeep.helps(error):
                raise
            self.recorder.record(reads)

    def _store_those_that_fit(self, reads: Sequence[BadgeRead], error: MalformedError) -> None:
        fitting = [read for read in reads if self._fits(read)]
        if len(fitting) == len(reads):
            # It is no badge's fault, so leaving one out would not help.
            self._cannot_store(reads, error)
        elif fitting:
            self._store(fitting)

    def _fits(self, read: BadgeRead) -> bool:
        try:
            self.recorder.check(read)
        except MalformedError as error:
            _log.warning("reader %s: %s", read.reader, error)
            self.telemetry.unreadable(Unreadable(read.reader, "too-long"))
            self._seen.pop((read.profile, read.badge), None)
            self._show(read.reader, Feedback.TRY_AGAIN)
            return False
        return True

    def _is_new(self, read: BadgeRead) -> bool:
        """Whether this is a presentation of its own: a card left lying counts once."""
        now = time.monotonic()
        badge = (read.profile, read.badge)
        before = self._seen.get(badge)
        self._seen[badge] = now
        return before is None or now - before >= self.debounce_s

    def _repeated(self, read: BadgeRead) -> None:
        """Say "already recorded", which is green, unless the presentation before was not."""
        if (read.profile, read.badge) not in self._seen:
            self._show(read.reader, Feedback.TRY_AGAIN)
            return
        self.telemetry.count("duplicates")
        self._show_recorded(read, Feedback.DUPLICATE)

    def _cannot_store(self, reads: Sequence[BadgeRead], error: Exception) -> None:
        _log.error("%s", error)
        self.telemetry.count("cannot_store", len(reads))
        self.telemetry.alarm("cannot-store", str(error))
        for read in reads:
            # The worker will try again: that must not pass for the same presentation.
            self._seen.pop((read.profile, read.badge), None)
            self._show(read.reader, Feedback.OUT_OF_ORDER)

    def _show_recorded(self, read: BadgeRead, green: Feedback) -> None:
        """Green, or that and what is to be put right about the badge."""
        told = Flag(read.flags) & TOLD if read.flags else None
        if told:
            self._sink.show(read.reader, Feedback.RECORDED_BUT, told)
        else:
            self._show(read.reader, green)

    def _show(self, reader: str, feedback: Feedback) -> None:
        self._sink.show(reader, feedback)

    def _tick(self, *, idle: bool) -> None:
        now = time.monotonic()
        written = False
        if now - self._tick_at >= _TICK_S:
            self._tick_at = now
            self._notifier.send("WATCHDOG=1")
            horizon = now - max(self.debounce_s, _TICK_S)
            self._seen = {badge: at for badge, at in self._seen.items() if at > horizon}
            written = self.upkeep.each_second()
        if idle:
            written |= self.upkeep.idle()
        written |= self.upkeep.checkpoint(idle=idle)
        if written:
            self.recorded()

    def _refuse_rest(self) -> None:
        while True:
            try:
                item = self._inbox.get_nowait()
            except Empty:
                return
            if isinstance(item, _Question):
                item.refuse()
