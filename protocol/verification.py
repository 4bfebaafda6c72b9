"""Verifying what a terminal wrote: every edit, deletion, swap, fork and truncation, up to a line.

The line is the newest receipt or head known to the verifier; `docs/protocol.md` says exactly what
is claimed. Nothing here reads files or databases: it is given the items of an archive.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as chained

from protocol.archive import Counts, Header, Item, Receipt, Records, TrustDocument
from protocol.errors import MalformedError, ProtocolError
from protocol.evidence import (
    Points,
    RevokedError,
    TrustChain,
    follow_all,
    point_of,
    point_of_receipt,
)
from protocol.findings import Finding, Report, What
from protocol.hello import EpochState
from protocol.keys import VerifyKey
from protocol.succession import Succession
from protocol.walk import Walk


def verify(
    items: Iterable[Item],
    *,
    key: VerifyKey | None = None,
    trust: bytes | None = None,
    known: Sequence[bytes] = (),
    every_head: bool = True,
) -> Report:
    """Check the items of an archive or of a journal, in one pass.

    `key` is the terminal's identity key, and `trust` its first trust document, if the verifier has
    them; else the archive's own are used, and prove only that it agrees with itself. `known` are
    receipts and heads the verifier brings. Without `every_head` only the newest head of each epoch
    is checked, which proves all records before it, and finds no damage to older signatures.

    Raises ProtocolError when there is nothing to verify: no header and no key, or a key, trust
    document, receipt or head brought along that is not good.
    """
    source = iter(items)
    first = next(source, None)
    if isinstance(first, Header):
        if key is not None and key != first.key:
            return _of_another(first.key, key)
        key, first = first.key, None
    if key is None:
        raise MalformedError("nothing says whose records these are: give the terminal's key")
    rest = source if first is None else chained([first], source)
    stops: list[ProtocolError] = []
    report = _Verifier(key, every_head=every_head).run(_readable(rest, stops), trust, known)
    for error in stops:  # after what is known of records
        report.add(Finding(What.FILE, f"the file can be read no further: {error}"))
    return report


def _readable(items: Iterator[Item], stops: list[ProtocolError]) -> Iterator[Item]:
    """The items up to where the file cannot be read any further."""
    try:
        yield from items
    except ProtocolError as error:
        stops.append(error)


def _of_another(found: VerifyKey, given: VerifyKey) -> Report:
    report = Report(found.thumbprint)
    detail = f"the file is of terminal {found.thumbprint.hex()}; the key given, of another"
    report.add(Finding(What.KEY, f"{detail}: {given.thumbprint.hex()}"))
    return report


class _Verifier:
    """Takes items in order."""

    def __init__(self, key: VerifyKey, *, every_head: bool) -> None:
        self.report = Report(key.thumbprint)
        self._identity = self._signer = key
        self._every_head = every_head
        self._documents = TrustChain()
        self._points = Points()
        self._succession = Succession(self.report)
        self._pending: EpochState | None = None
        """The epoch whose receipts are being read."""
        self._walk: Walk | None = None

    def run(self, items: Iterator[Item], trust: bytes | None, known: Sequence[bytes]) -> Report:
        messages, items = _trust_of(items)
        problem = follow_all(self._documents, messages, trust)
        if problem is not None:
            self._find(What.TRUST, problem)
        current = self._documents.current
        self.report.trust = None if current is None else current.number
        for message in known:
            point = point_of(message, self.report.terminal, self._identity, self._documents)
            self._points.add(point)
        for item in items:
            self._take(item)
        self._end_epoch()
        self._succession.end()
        self._look_for_missing_epochs()
        return self.report

    def _take(self, item: Item) -> None:
        if isinstance(item, Records):
            self._begin()
            if self._walk is None:
                self._find(What.FILE, "records stand before any epoch")
            else:
                self._walk.records(item)
        elif isinstance(item, EpochState):
            self._end_epoch()
            self._pending = item
        elif isinstance(item, Receipt):
            self._receipt(item.message)
        elif not isinstance(item, Counts):
            self._find(What.FILE, "a part of the file stands where it has no place")

    def _begin(self) -> None:
        """Walk into the epoch whose receipts are all known now."""
        state, self._pending = self._pending, None
        if state is None:
            return
        if self._succession.knows(state.epoch):
            self._find(What.FORK, f"epoch {state.epoch.hex()} is in the file twice", state.ordinal)
        self._walk = Walk(
            state,
            self._signer,
            self.report,
            self._points.of(state.epoch),
            self._succession,
            every_head=self._every_head,
            judged=self._documents.current is not None,
        )

    def _end_epoch(self) -> None:
        self._begin()
        if self._walk is None:
            return
        self._signer = self._walk.end()
        self._succession.ended(self._walk.proof)
        self._walk = None

    def _receipt(self, message: bytes) -> None:
        state = self._pending
        ordinal = None if state is None else state.ordinal
        if self._walk is not None:
            self._find(What.FILE, "a receipt stands after the records it speaks of", ordinal)
            return
        try:
            point = point_of_receipt(message, self.report.terminal, self._documents)
        except RevokedError as error:
            self.report.notice(f"a receipt is not believed: {error}")
            return
        except ProtocolError as error:
            self._find(What.RECEIPT, str(error), ordinal)
            return
        if point is None:
            return
        if state is not None and point.epoch != state.epoch:
            self._find(What.RECEIPT, "the receipt is of another epoch", ordinal)
            return
        self.report.receipts += point.believed
        self._points.add(point)

    def _look_for_missing_epochs(self) -> None:
        for epoch in self._points.epochs():
            if not self._succession.knows(epoch) and not self._succession.is_before(epoch):
                newest = max(self._points.of(epoch))
                self._find(
                    What.EPOCH,
                    f"nothing is here of epoch {epoch.hex()}, which had {newest} records at least:"
                    " it was pruned, or cut off",
                )

    def _find(self, what: What, detail: str, epoch: int | None = None) -> None:
        self.report.add(Finding(what, detail, epoch))


def _trust_of(items: Iterator[Item]) -> tuple[list[bytes], Iterator[Item]]:
    """The trust documents that the items begin with, and the items after them."""
    messages: list[bytes] = []
    for item in items:
        if not isinstance(item, TrustDocument):
            return messages, chained([item], items)
        messages.append(item.message)
    return messages, iter(())
