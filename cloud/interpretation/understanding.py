"""What records say: taps opened, other records noted, and what cannot be understood.

A record that carries another says what that one says, which counts once, wherever it is met.
"""

from collections.abc import Callable, Collection, Sequence

import msgspec
from sqlalchemy import Connection

from cloud.custody import erasure
from cloud.interpretation import carrying, times
from cloud.interpretation.corrections import reach
from cloud.interpretation.reading import Epoch, Record
from cloud.interpretation.unsealing import Tap, Unsealer, WaitingError
from protocol import cbor
from protocol.bodies import Body, Kind
from protocol.errors import MalformedError

_SILENT = frozenset({Kind.CLOCK, Kind.KEY})
"""Kinds that say something about the chain, and nothing about anybody's time."""


class Span(msgspec.Struct):
    """What was read of an epoch: its records `first` to `last`."""

    epoch: Epoch
    first: int
    last: int
    taps: list[Tap] = []
    waits: list[tuple[int, WaitingError]] = []
    carries: dict[bytes, int] = {}
    """Up to which seq it carries records of other epochs."""
    clock: Body | None = None
    """The clock record that comes next, if one was seen."""
    corrected_from: int = 0
    """From which seq on that one corrects."""


_Meaning = tuple[Body, Body | None]
"""What a record says, and the record that carries it, if one does."""


class Understanding:
    """Reads the records of one database. Used by one thread, the one that writes."""

    def __init__(self, unsealer: Unsealer) -> None:
        self._unsealer = unsealer

    def of(
        self,
        conn: Connection,
        epoch: Epoch,
        rows: Sequence[Record],
        elsewhere: Collection[tuple[int, bytes]],
        begins: Callable[[Epoch, int], None],
    ) -> Span | Body:
        """What records say, up to the first clock record; that one alone when it is the first.

        A clock record has a turn of its own, for the taps of earlier ones. `elsewhere` are records
        that count in another epoch, by seq and digest; `begins` is told of each before it is read.
        """
        span = Span(epoch, rows[0].seq, rows[0].seq)
        boots: list[tuple[int, bytes]] = []
        for _, seq, raw, blob, received_ms in rows:
            begins(epoch, seq)
            try:
                body, carrier = self._meaning(conn, epoch, raw, seq)
                if carrier is not None:
                    span.carries[body.epoch] = max(body.seq, span.carries.get(body.epoch, 0))
                if times.is_set(body):
                    if seq == span.first:
                        carrying.note_carriers(conn, epoch.terminal_id, epoch.id, span.carries)
                        return body
                    span.clock, span.corrected_from = body, reach(boots, seq, body)
                    break
                boots.append((seq, body.time.boot))
                if body.kind != Kind.TAP:
                    self._take_note(conn, epoch, body)
                elif self._is_erased(conn, epoch, seq, body, blob, carrier):
                    pass  # It means nothing any more, and whoever tapped stays unknown.
                elif self._counts(conn, epoch, seq, raw, carrier, elsewhere):
                    badge = self._unsealer.open(conn, _places(conn, epoch, seq, body), body, blob)
                    span.taps.append(Tap(epoch.id, seq, body, badge, received_ms))
            except WaitingError as error:
                span.waits.append((seq, error))
            span.last = seq
        return span

    def _meaning(self, conn: Connection, epoch: Epoch, raw: bytes, seq: int) -> _Meaning:
        """What a record says; of one that carries another, what that says."""
        body = self._read(epoch, raw, seq)
        if body.kind != Kind.SALVAGED:
            return body, None
        inner = carrying.meant(body)
        carrying.note_unproved(conn, epoch.terminal_id, body)
        return inner, body

    @staticmethod
    def _is_erased(
        conn: Connection,
        epoch: Epoch,
        seq: int,
        body: Body,
        blob: bytes | None,
        carrier: Body | None,
    ) -> bool:
        """Whether who tapped was erased; a carried copy that has come since is emptied as well."""
        if blob is None or carrier is None:
            return blob == erasure.ERASED
        if blob and erasure.is_erased(conn, epoch.terminal_id, body):
            erasure.blank_places(conn, [(epoch.id, seq)])
            return True
        return not blob

    @staticmethod
    def _counts(
        conn: Connection,
        epoch: Epoch,
        seq: int,
        raw: bytes,
        carrier: Body | None,
        elsewhere: Collection[tuple[int, bytes]],
    ) -> bool:
        """Whether a tap counts here, and in no other record."""
        if carrier is not None:
            return carrying.counts(conn, epoch.terminal_id, (epoch.id, seq), carrier)
        if epoch.branch and carrying.counted_in_another(conn, epoch.id, epoch.epoch, seq, raw):
            return False
        return not elsewhere or (seq, cbor.digest(raw)) not in elsewhere

    def _take_note(self, conn: Connection, epoch: Epoch, body: Body) -> None:
        """A record that is no tap."""
        if body.kind == Kind.SEAL:
            self._unsealer.learn(body)
        elif body.kind == Kind.GAP:
            carrying.note_gap(conn, epoch.terminal_id, body)
        elif body.kind == Kind.START:
            carrying.note_ordinal(conn, epoch.terminal_id, body)
        elif body.kind not in _SILENT:
            raise WaitingError("unknown-kind", f"records of kind {body.kind} are unknown")

    @staticmethod
    def _read(epoch: Epoch, raw: bytes, seq: int) -> Body:
        try:
            body = Body.decode(raw)
        except MalformedError as error:
            raise WaitingError("undecodable", str(error)) from error
        if body.seq != seq:
            raise WaitingError("undecodable", f"the body says seq {body.seq}, its place is {seq}")
        # Whoever saw another's taps could put them into a chain of his own, seals and all.
        if (body.terminal, body.epoch) != (epoch.terminal, epoch.epoch):
            raise WaitingError(
                "undecodable", "the body names another terminal or epoch than its own"
            )
        return body


def _places(conn: Connection, epoch: Epoch, seq: int, body: Body) -> Sequence[tuple[int, int]]:
    """Where the seal of a tap at `seq` may stand: before it, and before where it stood first."""
    here = (epoch.id, seq)
    if body.epoch == epoch.epoch and not epoch.branch:
        return [here]
    chains = carrying.chains_of(conn, epoch.terminal_id, body.epoch)
    return [here, *((chain.id, body.seq) for chain in chains if chain.id != epoch.id)]
