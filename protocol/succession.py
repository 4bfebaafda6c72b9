"""How epochs follow one another: each `start` says where the epoch before it stood.

What a closed epoch had beyond its end in the file must have been carried over into a later one.
"""

from typing import Any

import msgspec

from protocol.bodies import Body
from protocol.errors import MalformedError
from protocol.fields import as_bytes, as_map, as_uint
from protocol.findings import EpochProof, Finding, Report, What


class _Carried(msgspec.Struct):
    """Records `first` to `last` of an epoch that are not in the file: were they carried over?

    `named` counts those of which a later record says so. `others` counts what else later epochs
    carry: a record or a gap that had itself been carried over is named after where it first stood.
    """

    epoch: bytes
    ordinal: int | None
    first: int
    last: int
    named: int = 0
    others: int = 0
    next: int = 0
    skipped: int | None = None

    def cover(self, first: int, last: int) -> bool:
        """Count records `first` to `last` of the epoch, which come in order; whether any counts."""
        start, end = max(first, self.next), min(last, self.last)
        if start > end:
            return False
        if start > self.next and self.skipped is None:
            self.skipped = self.next
        self.named += end - start + 1
        self.next = end + 1
        return True


class Succession:
    """The epochs of one file, oldest first."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._ended: dict[bytes, EpochProof] = {}
        self._before: set[bytes] = set()
        self._carried: list[_Carried] = []

    def knows(self, epoch: bytes) -> bool:
        """Whether the file has, or had before, that epoch."""
        return epoch in self._ended

    def is_before(self, epoch: bytes) -> bool:
        """Whether it is one that came before the oldest in the file, and was pruned."""
        return epoch in self._before

    def ended(self, proof: EpochProof) -> None:
        """Note an epoch that was walked through."""
        self._ended[proof.state.epoch] = proof

    def started(self, body: Body, ordinal: int) -> None:
        """Compare what a `start` record says with the epoch before it."""
        try:
            said, previous = _read_start(body.data)
        except MalformedError as error:
            self._report.add(Finding(What.EPOCH, f"its start: {error}", ordinal, 1, 1))
            return
        if said != ordinal:
            detail = f"the file calls epoch {ordinal} what began as epoch {said}"
            self._report.add(Finding(What.EPOCH, detail, ordinal, 1, 1))
        if previous is not None:
            self._compare(*previous, ordinal)

    def _compare(self, epoch: bytes, seq: int, link: bytes, ordinal: int) -> None:
        before = self._ended.get(epoch)
        if before is None:
            if self._ended:
                self._carried.append(_Carried(epoch, None, 1, seq, next=1))
            else:
                self._before.add(epoch)
            return
        if before.broken:
            return
        last = before.last
        if last < seq:
            self._carried.append(
                _Carried(epoch, before.state.ordinal, last + 1, seq, next=last + 1)
            )
        elif (last, before.link) != (seq, link):
            detail = f"epoch {ordinal} began when the one before it stood at another record {seq}"
            first = seq + 1 if last > seq else before.state.first
            self._report.add(Finding(What.FORK, detail, before.state.ordinal, first, last))

    def carries(self, epoch: bytes, first: int, last: int | None = None) -> None:
        """Note a record carried over from `epoch`, b"" if unknown; with `last`, a gap up to it."""
        for missing in self._carried:
            covered = missing.epoch == epoch and missing.cover(
                first, first if last is None else last
            )
            if not covered and (missing.epoch != epoch or last is not None):
                missing.others += 1

    def end(self) -> None:
        """Find what is neither in the file nor carried over."""
        for missing in self._carried:
            count = missing.last - missing.first + 1
            if count > missing.named + missing.others:
                first = missing.next if missing.skipped is None else missing.skipped
                detail = (
                    f"{count - missing.named - missing.others} records of epoch"
                    f" {missing.epoch.hex()} are neither here nor carried over"
                )
                what = What.EPOCH if missing.ordinal is None else What.MISSING
                self._report.add(Finding(what, detail, missing.ordinal, first, missing.last))


def _read_start(data: Any) -> tuple[int, tuple[bytes, int, bytes] | None]:
    fields = as_map(data, "a start")
    ordinal = as_uint(fields.get(1), "ordinal")
    if fields.get(2) is None:
        return ordinal, None
    return ordinal, (
        as_bytes(fields[2], "the epoch before", 16),
        as_uint(fields.get(3), "its last seq"),
        as_bytes(fields.get(4), "its last link", 32),
    )
