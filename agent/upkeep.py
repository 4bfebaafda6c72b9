"""What the gate does for its journal between taps: renews, salvages, prunes, and looks for damage.

Nothing here makes a worker wait longer than one small commit, but for a renewal: then there is no
journal to write to until it is done.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence

from agent.queue.errors import CannotStoreError
from agent.queue.journal import Journal
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
        self._journal, self._recorder, self._telemetry = journal, recorder, telemetry
        self._retention_ms = retention_ms
        self._not_before = 0.0
        self._renewed_at = -_OFTEN_S
        self._wait_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether a quiet moment would be used at once."""
        return self.salvager.busy

    def close(self) -> None:
        """Stop what is running."""
        self.salvager.close()

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
            self._telemetry.alarm("cannot-store", str(error))
        self._scrubber.step()
        return self._mend() or written

    def idle(self) -> bool:
        """Use a quiet moment; whether there are new records to send."""
        carried = False
        try:
            carried = self.salvager.step()
        except CannotStoreError as error:
            self._telemetry.alarm("cannot-store", str(error))
        except sqlite3.Error as error:
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
        if self._retention_ms is not None:
            before_ms = time.time_ns() // 1_000_000 - self._retention_ms
            self._journal.prune(before_ms, self._recorder.live_seal)
            self.salvager.tidy(before_ms / 1000)
