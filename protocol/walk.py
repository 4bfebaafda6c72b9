"""One epoch, record by record: links, heads, blobs, and the points its chain must go through."""

import msgspec

from protocol import chain
from protocol.archive import Records, Row
from protocol.blobs import blob_hash
from protocol.bodies import Body, Kind
from protocol.errors import MalformedError, ProtocolError, SignatureError
from protocol.evidence import Point
from protocol.fields import as_bytes, as_map
from protocol.findings import MOST_LISTED, EpochProof, Finding, Report, What
from protocol.hello import EpochState
from protocol.keys import VerifyKey
from protocol.receipts import Verdict
from protocol.salvaged import Gap, carried_body, is_whole
from protocol.succession import Succession

_KINDS = frozenset(Kind)


class _Head(msgspec.Struct, frozen=True):
    seq: int
    link: bytes
    signature: bytes


class Walk:
    """Goes through the records of one epoch in order. A break in the chain ends what is proved."""

    def __init__(
        self,
        state: EpochState,
        signer: VerifyKey,
        report: Report,
        points: dict[int, list[Point]],
        succession: Succession,
        *,
        every_head: bool,
        judged: bool,
    ) -> None:
        """`judged`: receipts were judged by trust documents, so that one missing is a finding."""
        self.proof = EpochProof(state, state.first - 1, state.first - 1, state.anchor)
        report.epochs.append(self.proof)
        self._state, self._signer, self._report = state, signer, report
        self._points, self._succession = points, succession
        self._every_head, self._judged = every_head, judged
        self._agreed = state.first - 1
        """The last seq at which a point had this chain's link."""
        self._unchecked: _Head | None = None
        self._refused: bool = False
        """Whether the last head did not verify: the next one's failure tells nothing new."""
        self._begin()

    def _begin(self) -> None:
        state = self._state
        start = chain.epoch_link(self._report.terminal, state.epoch)
        if state.first == 0:
            self._break(What.CHANGED, "records are numbered from 1", 1)
        elif state.first == 1 and state.anchor != start:
            self._break(What.CHANGED, "the epoch does not begin at its own link", 1)
        elif state.first > 1:
            self._check_anchor()

    def _check_anchor(self) -> None:
        """What was pruned must have been receipted, at the very link the rest begins at."""
        state = self._state
        believed = self._pass_points(state.first - 1, state.anchor)
        if not believed and not self.proof.broken:
            what = f"records 1 to {state.first - 1} are not here"
            if self._judged:
                detail = f"{what}, and no receipt says that the platform holds them"
                self._find(What.MISSING, detail, 1, state.first - 1)
            else:
                self._report.notice(f"epoch {state.ordinal}: {what}; no receipt was checked")

    def records(self, page: Records) -> None:
        """Go on through a page."""
        self._report.records += len(page.rows)
        proof = self.proof
        if proof.broken:
            return
        expected = proof.last + 1
        if page.first != expected:
            self._missing(expected, page.first)
            return
        for row in page.rows:
            self._record(row)
            if self.proof.broken:
                return

    def _missing(self, expected: int, found: int) -> None:
        if found < expected:
            detail = f"record {found} comes after record {expected - 1}"
            self._break(What.MISPLACED, detail, expected)
        else:
            detail = f"records {expected} to {found - 1} are missing"
            self._break(What.MISSING, detail, expected, found - 1)

    def _record(self, row: Row) -> None:
        raw, blob, kept, signature = row
        proof = self.proof
        seq = proof.last + 1
        try:
            body: Body | None = Body.decode(raw)
        except MalformedError:
            body = None
        link = chain.next_link(proof.link, raw)
        if link != kept:
            self._wrong_link(seq, body)
            return
        if body is not None and not self._stands_at(body, seq):
            self._break(What.MISPLACED, f"another record stands in the place of {seq}", seq)
            return
        if seq == 1 and (body is None or body.kind != Kind.START):
            self._break(What.CHANGED, "the first record is no start", 1)
            return
        proof.last, proof.link = seq, link
        if body is None:
            proof.unreadable += 1
        else:
            self._read(body, blob)
        if signature is not None:
            self._head(_Head(seq, link, signature), body)
        elif body is not None and body.kind == Kind.KEY:
            self._find(What.KEY, "a new key does not close its commit", seq)
        if seq in self._points:
            self._pass_points(seq, link)

    def _stands_at(self, body: Body, seq: int) -> bool:
        place = (self._report.terminal, self._state.epoch, seq)
        return (body.terminal, body.epoch, body.seq) == place

    def _wrong_link(self, seq: int, body: Body | None) -> None:
        if body is None or self._stands_at(body, seq):
            self._break(What.CHANGED, f"record {seq} or the link kept with it was changed", seq)
        elif body.epoch == self._state.epoch and body.seq > seq:
            detail = f"where record {seq} stood there is record {body.seq}"
            self._break(What.MISSING, detail, seq)
        else:
            self._break(What.MISPLACED, f"another record stands in the place of {seq}", seq)

    # -- what records say --------------------------------------------------------------------

    def _read(self, body: Body, blob: bytes | None) -> None:
        proof = self.proof
        proof.kinds[body.kind] += 1
        if body.blob_ref is not None and blob is None:
            proof.erased += 1
        elif blob is not None and (
            body.blob_ref is None or blob_hash(blob) != body.blob_ref.blob_hash
        ):
            detail = f"the sealed part of record {body.seq} is not the one it names"
            self._find(What.BLOB, detail, body.seq)
        if body.kind == Kind.TAP:
            return
        if body.kind == Kind.SALVAGED:
            self._carry(body)
        elif body.kind == Kind.START:
            self._succession.started(body, self._state.ordinal)
        elif body.kind == Kind.GAP:
            self._gap(body)
        elif body.kind not in _KINDS:
            proof.unreadable += 1

    def _carry(self, body: Body) -> None:
        try:
            carried = carried_body(body)
        except MalformedError:  # of a later version: kept, not read
            self.proof.unreadable += 1
            self._succession.carries(b"", 0)
        except ProtocolError as error:
            self._find(What.SALVAGED, f"record {body.seq}: {error}", body.seq)
        else:
            self.proof.doubtful += not is_whole(body)
            self._succession.carries(carried.epoch, carried.seq)

    def _gap(self, body: Body) -> None:
        try:
            gap = Gap.read(body)
        except MalformedError:
            self.proof.unreadable += 1
            return
        last = gap.first if gap.last is None else gap.last
        self._succession.carries(gap.epoch, gap.first, last)
        if len(self.proof.gaps) < MOST_LISTED:
            self.proof.gaps.append(gap)

    # -- heads and points --------------------------------------------------------------------

    def _head(self, head: _Head, body: Body | None) -> None:
        rotates = body is not None and body.kind == Kind.KEY
        if self._every_head or rotates:
            self._check(head)
        else:
            self._unchecked = head
        if rotates and body is not None and self.proof.signed == head.seq:
            self._take_key(body)

    def _check(self, head: _Head) -> None:
        proof = self.proof
        proof.heads += 1
        signed = chain.Head(self._report.terminal, self._state.epoch, head.seq, head.link)
        try:
            chain.check_head(signed, self._signer, head.signature)
        except SignatureError:
            if not self._refused:
                detail = f"the head at record {head.seq} is not the terminal's"
                self._find(What.SIGNATURE, detail, proof.signed + 1, head.seq)
            self._refused = True
            return
        proof.signed = head.seq
        self._refused = False

    def _take_key(self, body: Body) -> None:
        try:
            fields = as_map(body.data, "a new key")
            self._signer = VerifyKey.from_cose(as_bytes(fields.get(0), "a key"))
        except MalformedError as error:
            self._find(What.KEY, f"record {body.seq}: {error}", body.seq)

    def _pass_points(self, seq: int, link: bytes) -> bool:
        """Whether a receipt that can be believed says that the chain stood at this very link."""
        believed = False
        for point in self._points.get(seq, ()):
            if point.link != link:
                said = "a head" if point.leaf is None else "a receipt"
                detail = f"{said} of this terminal names another record {seq}: there are two chains"
                self._break(What.FORK, detail, self._agreed + 1, seq)
                return False
            leaf = point.leaf
            if leaf is None or not point.believed:
                continue
            believed = True
            self.proof.receipt = leaf
            if leaf.verdict is Verdict.BRANCH:
                detail = f"the platform holds two chains of this epoch, by its receipt at {seq}"
                self._find(What.FORK, detail)
        self._agreed = seq
        return believed

    def end(self) -> VerifyKey:
        """Finish; the key that signs from here on."""
        proof, state = self.proof, self._state
        if self._unchecked is not None and not proof.broken:
            self._check(self._unchecked)
        if proof.broken:
            return self._signer
        newest = max(self._points, default=0)
        for said, seq in (
            (f"a receipt or head names record {newest}", newest),
            (f"the file says that it has {state.head_seq}", state.head_seq),
        ):
            if seq > proof.last:
                detail = f"records end at {proof.last}; {said}"
                self._break(What.MISSING, detail, proof.last + 1, seq)
                return self._signer
        if (state.head_seq, state.head_link) != (proof.last, proof.link):
            self._find(What.FILE, f"the file says that its records end at {state.head_seq}")
        if proof.signed < proof.last and not self._refused:
            detail = f"no head stands over records {proof.signed + 1} to {proof.last}"
            self._find(What.SIGNATURE, detail, proof.signed + 1, proof.last)
        if self._judged and state.acked > proof.ends:
            detail = f"{state.acked} records are said to be held; receipts say {proof.ends}"
            self._find(What.ACKED, detail)
        return self._signer

    def _find(
        self, what: What, detail: str, first: int | None = None, last: int | None = None
    ) -> None:
        self._report.add(
            Finding(what, detail, self._state.ordinal, first, first if last is None else last)
        )

    def _break(self, what: What, detail: str, first: int, last: int | None = None) -> None:
        self._find(what, detail, first, last)
        self.proof.broken = True
