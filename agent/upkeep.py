"""What the gate does for its journal between taps: renews, salvages, prunes, makes room on the
disk, and looks for damage.

Nothing here makes a worker wait longer than one small commit, but for a renewal: then there is no
journal to write to until it is done.
"""

import logging
import time
from collections.abc import Callable, Sequence

from agent.disk import Disk
from agent.queue import pruning
from agent.queue.errors import SQLITE_ERRORS, BrokenError, CannotStoreError, is_full
from agent.queue.journal import Journal
from agent.queue.retention import PRESSED, prune_before
from agent.queue.scrub import Scrubber
from agent.recorder import Recorder
from agent.salvager import Salvager
from agent.telemetry import Telemetry

_log = logging.getLogger("pointeuse.gate")
_RENEW_AGAIN_S = 2.0
"""How long to wait before trying again to begin a new journal."""
_OFTEN_S = 3600.0
"""Renewals nearer than this to each other wait ever longer: something else must be wrong."""
_LONGEST_WAIT_S = 600.0


class Upkeep:
    """Used by one thread, the gate's."""

    def __init__(
        self,
        journal: Journal,
        recorder: Recorder,
        telemetry: Telemetry,
        *,
        retention_ms: int | None,
        receipt_keys: Callable[[], Sequence[bytes]],
    ) -> None:
        """`receipt_keys` gives the COSE_Keys whose receipts a salvage believes."""
        self.salvager = Salvager(journal, recorder, telemetry, receipt_keys)
        self._scrubber = Scrubber(journal, recorder.terminal, recorder.public)
        self._disk = Disk(journal.path.parent)
        self._journal, self._recorder, self._telemetry = journal, recorder, telemetry
        self._retention_ms = retention_ms
        self._not_before = 0.0
        self._renewed_at = -_OFTEN_S
        self._wait_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether a quiet moment would be used at once."""
        return self.salvager.busy

    def keep_time(self) -> None:
        """Keep the time for the next boot, if the journal can."""
        try:
            if self._journal.broken is None:
                self._recorder.keep_time()
        except CannotStoreError as error:
            _log.warning("the time is not kept for the next boot: %s", error)

    def close(self) -> None:
        """Stop what is running."""
        self.salvager.close()

    def admit_taps(self) -> None:
        """Raises CannotStoreError when what is left of the disk is for receipts."""
        if not self._disk.admits():
            raise CannotStoreError(
                f"the disk of {self._journal.path} is full: make room on it, or let the terminal"
                " reach the platform"
            )

    def helps(self, error: CannotStoreError) -> bool:
        """Do what can be done about a commit that failed; whether another try may succeed."""
        if isinstance(error, BrokenError):
            return self.renew()
        return is_full(error) and self._disk.relieve()

    def renew(self) -> bool:
        """Begin a new journal if this one is broken; whether records can be written again."""
        if time.monotonic() < self._not_before:
            return False
        why = self._journal.broken
        _log.error("%s; beginning a new journal", why)
        try:
            self._recorder.renew()
            self.salvager.look_again()
        except CannotStoreError as error:
            self._not_before = time.monotonic() + _RENEW_AGAIN_S
            self._telemetry.alarm("cannot-store", str(error))
            return False
        self._not_before = self._next_renewal()
        self._telemetry.count("renewed")
        self._telemetry.alarm("cannot-store", None)
        self._telemetry.alarm("journal-renewed", why)
        return True

    def each_second(self) -> bool:
        """What is due now and then; whether there are new records to send."""
        written = False
        try:
            written = self._recorder.note_clock()
            self._prune()
        except CannotStoreError as error:
            if not self.helps(error):
                self._telemetry.alarm("cannot-store", str(error))
        except SQLITE_ERRORS as error:
            if not self._journal.distrust(error):
                raise
        self._watch_disk()
        self._scrubber.step()
        return self._mend() or written

    def idle(self) -> bool:
        """Use a quiet moment; whether there are new records to send."""
        if self._journal.broken is not None:
            return False
        carried = False
        try:
            carried = self.salvager.step()
        except CannotStoreError as error:
            self._telemetry.alarm("cannot-store", str(error))
        except SQLITE_ERRORS as error:
            if not self._journal.distrust(error):
                raise
        return carried

    def checkpoint(self, *, idle: bool) -> bool:
        """Let the write-ahead log go into the file; whether there are new records to send."""
        self._journal.checkpoint(idle=idle)
        return self._mend()

    def _mend(self) -> bool:
        return self._journal.broken is not None and self.renew()

    def _next_renewal(self) -> float:
        now = time.monotonic()
        often = now - self._renewed_at < _OFTEN_S
        self._wait_s = min(2 * self._wait_s + 1, _LONGEST_WAIT_S) if often else 0.0
        self._renewed_at = now
        return now + self._wait_s

    def _prune(self) -> None:
        if self._retention_ms is None or self._journal.broken is not None:
            return
        journal, live_seal = self._journal, self._recorder.live_seal
        now_ms = time.time_ns() // 1_000_000
        before_ms = now_ms - self._retention_ms
        used_percent = self._used_percent()
        if used_percent >= PRESSED:
            oldest_cut_ms = pruning.oldest_cut(journal.file, journal.epochs(), live_seal)
            before_ms = prune_before(now_ms, self._retention_ms, used_percent, oldest_cut_ms)
        journal.prune(before_ms, live_seal)
        # What was put aside is only evidence once it is carried over.
        self.salvager.tidy((now_ms if used_percent >= PRESSED else before_ms) / 1000)

    def _used_percent(self) -> int:
        """How full the disk is; what the journal's file has to spare counts as free."""
        usage = self._disk.usage
        if usage.percent < PRESSED:
            return usage.percent
        return usage.without(-pruning.spare(self._journal.file)).percent

    def _watch_disk(self) -> None:
        for name, detail in self._disk.alarms().items():
            self._telemetry.alarm(name, detail)
        if self._disk.fills():
            self._disk.relieve()  # receipts must not have to fail first
        if self._disk.recover():
            self._telemetry.alarm("cannot-store", None)
        elif self._disk.short:
            self._journal.file.tidy()
