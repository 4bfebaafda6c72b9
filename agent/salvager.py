"""Carries over the records that would otherwise never reach the platform, some in a quiet moment.

They are of two kinds: what a closed epoch of this journal had not delivered, and what is proved of
journals put aside. How far each came is noted in the commit that carries it, so that a power cut
neither loses a record nor takes one twice; the platform would know it as the same one anyway.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from agent import carrying
from agent.queue import aside
from agent.queue.errors import SQLITE_ERRORS
from agent.queue.journal import Journal
from agent.queue.salvaged import Item, Order, Salvaged, salvaged_of
from agent.recorder import Recorder
from agent.telemetry import Telemetry
from protocol.bodies import Body, Kind
from protocol.chain import MAX_GROUP
from protocol.errors import MalformedError
from protocol.salvaged import Gap

_GROUP = MAX_GROUP - 1
"""Records in one commit at most: a clock record may have to come before them."""
_GROUP_OCTETS = 24 * 1024
"""One commit's records at most: they must fit in any broker's packet."""
_RETRY_S = 60.0
_DONE = b"done"
_log = logging.getLogger("pointeuse.salvage")


class Salvager:
    """Used by one thread, the gate's."""

    def __init__(
        self,
        journal: Journal,
        recorder: Recorder,
        telemetry: Telemetry,
        receipt_keys: Callable[[], Sequence[bytes]],
    ) -> None:
        """`receipt_keys` gives the COSE_Keys whose receipts are believed."""
        self._journal, self._recorder, self._telemetry = journal, recorder, telemetry
        self._receipt_keys = receipt_keys
        self._child: subprocess.Popen[bytes] | None = None
        self._source: Salvaged | None = None
        self._not_before = 0.0
        self._last = self._carried_last()
        self.look_again()

    @property
    def busy(self) -> bool:
        """Whether there is something to carry over now."""
        return self._closed or self._source is not None

    @property
    def waiting(self) -> bool:
        """Whether a journal put aside holds what is not carried over yet."""
        return bool(self._numbers)

    def look_again(self) -> None:
        """An epoch was closed, or a journal was put aside."""
        self._closed = True
        self._numbers = [n for n in aside.numbers(self._journal.path) if not self._is_done(n)]

    def step(self) -> bool:
        """Carry over one commit of records; whether it did. Raises CannotStoreError."""
        if self._closed:
            self._closed = self._carry_epoch()
            return self._closed
        if not self._numbers or time.monotonic() < self._not_before:
            return False
        try:
            return self._carry_aside(self._numbers[0])
        except OSError as error:  # no memory for a child, a disk that is read-only...
            self._failed(self._numbers[0], error.strerror or str(error))
            return False

    def tidy(self, before_s: float) -> None:
        """Delete journals put aside before then (seconds since 1970), once all is carried over."""
        with suppress(OSError):  # a disk that is read-only, or fails: another time
            for number in aside.numbers(self._journal.path):
                old = aside.since(self._journal.path, number) < before_s
                if old and self._is_done(number):
                    aside.discard(self._journal.path, number)

    def close(self) -> None:
        """Stop what is running; it begins anew with the next start."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self._forget_source()

    # -- put back by the start -----------------------------------------------------------------

    def _carried_last(self) -> set[bytes]:
        """What the newest records hold of other places.

        The start may have put them back out of a torn log, which had lost the note of how far they
        go.
        """
        newest = self._journal.epochs()[-1]
        first = max(newest.first, newest.head - MAX_GROUP + 1)
        rows = self._journal.rows(newest.ordinal, first, MAX_GROUP)
        return {inner for row in rows if (inner := _carried(row.body)) is not None}

    def _known(self, records: Sequence[Item | Gap]) -> int:
        """How many of the first are carried over already."""
        for count, record in enumerate(records):
            if isinstance(record, Gap) or carrying.wrapped(record)[1].get(2) not in self._last:
                return count
        return len(records)

    def _note(self, source: int | str, up_to: int) -> None:
        self._journal.carry_over(self._recorder.ordinal, (), source, up_to)

    # -- closed epochs -----------------------------------------------------------------------

    def _carry_epoch(self) -> bool:
        for epoch in self._journal.epochs()[:-1]:
            if epoch.held < epoch.head:
                rows = self._journal.rows(epoch.ordinal, epoch.held + 1, _GROUP)
                items = [Item(epoch.epoch, r.seq, r.body, r.blob, whole=True) for r in rows]
                if [item.seq for item in items[:1]] != [epoch.held + 1]:
                    self._journal.distrust(f"record {epoch.held + 1} of an old epoch is gone")
                    return False
                if known := self._known(items):
                    self._note(epoch.ordinal, epoch.held + known)
                    return True
                some = _that_fit(items)
                self._recorder.carry_over(some, epoch.ordinal, epoch.held + len(some))
                return True
        return False

    # -- journals put aside ------------------------------------------------------------------

    def _carry_aside(self, number: int) -> bool:
        if self._source is None and not self._open(number):
            return False
        if self._source is None:
            return False
        done = self._journal.number(_fact(number))
        records: list[Item | Gap] = [*self._source.items(done, _GROUP)]
        if not records:
            records = [*self._source.gaps()[done - self._source.count :]]
        if not records:
            self._finish(number)
            return False
        if known := self._known(records):
            self._note(_fact(number), done + known)
            return True
        some = _that_fit(records)
        self._recorder.carry_over(some, _fact(number), done + len(some))
        self._telemetry.count("salvaged", len(some))
        return True

    def _open(self, number: int) -> bool:
        """Whether what was saved of a journal can be read now; begins to save it otherwise."""
        path = salvaged_of(self._journal.path, number)
        if self._child is not None and self._child.poll() is None:
            return False
        if self._child is not None:
            if self._child.returncode != 0:
                self._failed(number, f"exit status {self._child.returncode}")
            self._child = None
        if not path.exists():
            self._start(number)
            return False
        try:
            self._source = Salvaged(path)
        except SQLITE_ERRORS as error:
            path.unlink()
            self._failed(number, str(error))
        return self._source is not None

    def _start(self, number: int) -> None:
        if time.monotonic() < self._not_before:
            return
        damaged = aside.aside_of(self._journal.path, number)
        self._telemetry.alarm("salvage", f"{damaged.name}: looking for what is proved of it")
        order = Order(
            terminal=self._recorder.terminal,
            signer=self._recorder.public.to_cose(),
            receipt_keys=self._receipt_keys(),
            epochs=[epoch for _, epoch in self._journal.known_epochs()],
            limit=aside.read_limit(self._journal.fact(aside.limit_fact(number))),
        )
        out = salvaged_of(self._journal.path, number)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "agent.queue.salvage", damaged, out], stdin=subprocess.PIPE
        )
        if self._child.stdin is not None:
            with self._child.stdin as pipe:
                pipe.write(msgspec.json.encode(order))

    def _failed(self, number: int, reason: str) -> None:
        name = aside.aside_of(self._journal.path, number).name
        self._not_before = time.monotonic() + _RETRY_S
        self._telemetry.alarm("salvage", f"{name} cannot be read ({reason}): trying again")
        _log.error("%s cannot be read: %s", name, reason)

    def _finish(self, number: int) -> None:
        self._journal.set_fact(_fact(number), _DONE)
        if self._source is not None:
            count, gaps = self._source.count, len(self._source.gaps())
            name = aside.aside_of(self._journal.path, number).name
            _log.warning("%s: %d records carried over, %d gaps noted", name, count, gaps)
        self._forget_source()
        with suppress(OSError):  # it is only in the way
            salvaged_of(self._journal.path, number).unlink(missing_ok=True)
        self._numbers.remove(number)
        if not self._numbers:
            self._telemetry.alarm("salvage", None)

    def _forget_source(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _is_done(self, number: int) -> bool:
        return self._journal.fact(_fact(number)) == _DONE


def _fact(number: int) -> str:
    return f"salvaged-{number}"


def _carried(body: bytes) -> bytes | None:
    """The inner body of a SALVAGED one; None of all else, also of what cannot be read.

    A record that decayed, or that a later version wrote, must not keep an agent from starting.
    """
    with suppress(MalformedError):
        found = Body.decode(body)
        if found.kind == Kind.SALVAGED and isinstance(found.data, dict):
            inner = found.data.get(2)
            return inner if isinstance(inner, bytes) else None
    return None


def _that_fit(records: Sequence[Item | Gap]) -> Sequence[Item | Gap]:
    """The first ones, one at least, that one commit can hold."""
    octets = 0
    for count, record in enumerate(records[:_GROUP]):
        octets += carrying.size(record)
        if octets > _GROUP_OCTETS and count:
            return records[:count]
    return records[:_GROUP]
