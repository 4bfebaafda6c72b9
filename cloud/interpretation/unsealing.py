"""Content keys: opened from seal records, and found again in custody after a restart."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, select

from cloud.custody.tables import records
from protocol import blobs, seals
from protocol.badges import Badge
from protocol.bodies import Body, Kind
from protocol.errors import MalformedError, ProtocolError, SealError
from protocol.salvaged import carried_body

_CACHE = 4096
_REACH = 4096
"""Records looked back through for a seal: a seal serves a thousand taps at most."""


class WaitingError(Exception):
    """A record cannot be understood yet: `reason` is one word, the message a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Tap(msgspec.Struct, frozen=True):
    """A tap record, opened."""

    epoch_id: int
    seq: int
    body: Body
    badge: Badge
    received_ms: int


class Unsealer:
    """Opens blobs. Content keys stay in memory, the most recently used ones."""

    def __init__(self, keys: Sequence[seals.SealingKey]) -> None:
        self._keys = keys
        self._contents: OrderedDict[tuple[bytes, bytes, bytes], seals.ContentKey] = OrderedDict()
        self._missing: OrderedDict[tuple[bytes, bytes, bytes], WaitingError] = OrderedDict()
        """Seals looked for in vain: a thousand taps may name one, and a search reads thousands."""

    def learn(self, body: Body) -> seals.ContentKey:
        """Take in a seal record, and give its key. Raises WaitingError when we cannot open it."""
        try:
            content = seals.open_seal(
                body.data, self._keys, terminal=body.terminal, epoch=body.epoch, seq=body.seq
            )
        except SealError as error:
            raise WaitingError("no-key", str(error)) from error
        except ProtocolError as error:
            raise WaitingError("undecodable", str(error)) from error
        self._contents[body.terminal, body.epoch, content.seal_id] = content
        if len(self._contents) > _CACHE:
            self._contents.popitem(last=False)
        return content

    def open(
        self, conn: Connection, places: Sequence[tuple[int, int]], body: Body, blob: bytes | None
    ) -> Badge:
        """Who tapped. Raises WaitingError.

        `places` are where its seal may stand before: an epoch's id, and a seq in it.
        """
        ref = body.blob_ref
        if ref is None:
            raise WaitingError("undecodable", "the tap names no sealed part")
        if blob is None:
            raise WaitingError("erased", "the sealed part was erased")
        named = (body.terminal, body.epoch, ref.seal_id)
        content = self._contents.get(named)
        if content is None:
            content = self._search(conn, places, body, named)
        else:
            self._contents.move_to_end(named)
        place = blobs.Place(body.terminal, body.epoch, body.seq, ref.seal_id)
        try:
            badge = blobs.open_blob(blob, content, place)
        except MalformedError as error:
            raise WaitingError("undecodable", str(error)) from error
        except SealError as error:
            raise WaitingError("wrong-blob", str(error)) from error
        return badge

    def _search(
        self,
        conn: Connection,
        places: Sequence[tuple[int, int]],
        body: Body,
        named: tuple[bytes, bytes, bytes],
    ) -> seals.ContentKey:
        """Look for a seal once; one that comes later is learnt when it comes."""
        known = self._missing.get(named)
        if known is not None:
            raise WaitingError(known.reason, str(known))
        try:
            return self._find(conn, places, body, named[2])
        except WaitingError as error:
            self._missing[named] = error.with_traceback(None)
            if len(self._missing) > _CACHE:
                self._missing.popitem(last=False)
            raise

    def _find(
        self, conn: Connection, places: Sequence[tuple[int, int]], body: Body, seal_id: bytes
    ) -> seals.ContentKey:
        for epoch_id, before in places:
            for raw in _bare(conn, epoch_id, before):
                earlier = _meant(raw)
                if earlier is None or earlier.kind != Kind.SEAL:
                    continue
                foreign = (earlier.terminal, earlier.epoch) != (body.terminal, body.epoch)
                if foreign or not isinstance(earlier.data, dict):
                    continue
                if earlier.data.get(0) == seal_id:
                    return self.learn(earlier)
        raise WaitingError("seal-missing", f"seal {seal_id.hex()[:16]} is not in custody")


def _bare(conn: Connection, epoch_id: int, before: int) -> Iterator[bytes]:
    """The last bodies before a seq that have no blob: a seal has none, nor has what carries one."""
    rows = conn.execute(
        select(records.c.body)
        .where(records.c.epoch_id == epoch_id, records.c.seq < before)
        .where(records.c.seq >= before - _REACH)
        .where(records.c.blob.is_(None))
        .order_by(records.c.seq.desc())
    )
    return (row[0] for row in rows)


def _meant(raw: bytes) -> Body | None:
    """What a body means: what it carries, if it carries another."""
    try:
        body = Body.decode(raw)
        return carried_body(body) if body.kind == Kind.SALVAGED else body
    except ProtocolError:
        return None
