"""Nobody speaks for another terminal, and proofs prove what they show."""

from typing import Any

import cbor2
import pytest

from protocol import cbor, chain
from protocol.batches import Batch
from protocol.bodies import Body, Kind
from protocol.disclosure import Disclosure
from protocol.errors import LinkError, MalformedError, ProtocolError, SealError, SignatureError
from protocol.hello import Hello
from protocol.salvaged import carried_body
from tests.protocol.messages import (
    BADGE,
    EPOCH,
    ME,
    NONCE,
    TERMINAL,
    TIME,
    Chain,
    carried,
    hello,
    signing_key,
)

CHAIN = Chain()


def head_for(terminal: bytes, link: bytes) -> bytes:
    return chain.sign_head(chain.Head(terminal, EPOCH, 5, link), signing_key(42))


def test_nobody_speaks_for_another_terminal() -> None:
    other = signing_key(42)
    with pytest.raises(SignatureError, match="another terminal"):
        Hello.verify(hello().sign(other), other.public)
    made = CHAIN.disclosure()
    made = Disclosure(
        made.body, made.link, made.following, head_for(ME, CHAIN.links[-1]), made.blob, made.key
    )
    with pytest.raises(SignatureError, match="another terminal"):
        made.verify(other.public)
    # The same head, once a key record has named that key: the terminal is then said beside it.
    assert made.verify(other.public, ME)[1] == BADGE


def test_a_disclosure_shows_what_it_says_it_shows() -> None:
    good = CHAIN.disclosure()

    def remade(**parts: Any) -> Disclosure:
        fields = {
            "body": good.body, "link": good.link, "following": good.following,
            "head": good.head, "blob": good.blob, "key": good.key,
        }  # fmt: skip
        return Disclosure(**(fields | parts))

    neighbour = CHAIN.records[4]
    wrong: list[tuple[type[ProtocolError], dict[str, Any]]] = [
        (SealError, {"blob": None}),
        (SealError, {"blob": neighbour[1]}),
        (SealError, {"key": b"?" * 32}),
        (LinkError, {"following": []}),
        (LinkError, {"following": [*good.following, b"?" * 32]}),
        (LinkError, {"following": [b"?" * 32]}),
        (LinkError, {"link": b"?" * 32}),
        (LinkError, {"body": CHAIN.records[2][0]}),
        (LinkError, {"head": chain.sign_head(
            chain.Head(ME, b"?" * 16, 5, CHAIN.links[5]), TERMINAL)}),
    ]  # fmt: skip
    for error, parts in wrong:
        with pytest.raises(error):
            remade(**parts).verify(TERMINAL.public)
    assert remade(blob=None, key=None).verify(TERMINAL.public)[1] is None
    assert remade(key=None).verify(TERMINAL.public)[1] is None
    assert Disclosure.decode(good.encode()) == good
    seal = CHAIN.records[1][0]
    following = [cbor.digest(body) for body, _ in CHAIN.records[2:]]
    for blob in (None, good.blob):
        shown = remade(body=seal, link=CHAIN.links[1], following=following, key=None, blob=blob)
        if blob is None:
            assert shown.verify(TERMINAL.public)[0].kind == Kind.SEAL
        else:
            with pytest.raises(SealError):
                shown.verify(TERMINAL.public)


def test_a_batch_may_begin_anywhere_but_the_first_record_begins_its_epoch() -> None:
    later = Batch(NONCE, EPOCH, 3, CHAIN.links[2], CHAIN.records[2:], CHAIN.head())
    assert later.prove(TERMINAL.public, ME) == CHAIN.links[3:]
    stray, body = b"?" * 32, CHAIN.records[0][0]
    head = chain.sign_head(chain.Head(ME, EPOCH, 1, chain.next_link(stray, body)), TERMINAL)
    with pytest.raises(LinkError, match="epoch's own link"):
        Batch(NONCE, EPOCH, 1, stray, [(body, None)], head).prove(TERMINAL.public, ME)


def test_a_body_nobody_can_read_does_not_hold_back_a_batch() -> None:
    for body in (b"", b"\xff", cbor2.dumps({0: 9, 3: "later"}), cbor2.dumps({9: "?"})):
        link = chain.next_link(chain.epoch_link(ME, EPOCH), body)
        head = chain.sign_head(chain.Head(ME, EPOCH, 1, link), TERMINAL)
        batch = Batch(NONCE, EPOCH, 1, chain.epoch_link(ME, EPOCH), [(body, None)], head)
        assert Batch.decode(batch.encode()).prove(TERMINAL.public, ME) == [link]


def test_a_record_carried_over_opens_at_its_first_place() -> None:
    good = carried(CHAIN, 4)
    body, badge = good.verify(TERMINAL.public)
    assert (body.kind, body.seq, badge) == (Kind.SALVAGED, 2, BADGE)
    inner = carried_body(body)
    assert (inner.kind, inner.epoch, inner.seq) == (Kind.TAP, EPOCH, 4)
    assert inner.encode() == CHAIN.records[3][0]


def test_a_record_carried_over_is_the_one_it_is_said_to_be() -> None:
    good = Body.decode(carried(CHAIN, 4).body)
    raw = CHAIN.records[3][0]

    def remade(data: dict[int, Any], ref: Any = good.blob_ref) -> Disclosure:
        made = carried(CHAIN, 4)
        body = Body(ME, good.epoch, 2, Kind.SALVAGED, TIME, blob_ref=ref, data=data).encode()
        head = chain.Head(ME, good.epoch, 2, chain.next_link(made.link, body))
        signed = chain.sign_head(head, TERMINAL)
        return Disclosure(body, made.link, [], signed, made.blob, made.key)

    data = {0: EPOCH, 1: 4, 2: raw}
    for ref in (good.blob_ref, None):  # whoever had lost the blob may find it again
        assert remade(data, ref).verify(TERMINAL.public)[1] == BADGE
    foreign = Body(b"?" * 32, EPOCH, 4, Kind.TAP, TIME, blob_ref=good.blob_ref).encode()
    for error, wrong, ref in (
        (LinkError, data | {1: 5}, good.blob_ref),
        (LinkError, data | {0: b"?" * 16}, good.blob_ref),
        (LinkError, data | {2: foreign}, good.blob_ref),
        (SealError, data | {2: CHAIN.records[4][0], 1: 5}, good.blob_ref),
        (MalformedError, data | {2: b"?"}, good.blob_ref),
        (MalformedError, {}, good.blob_ref),
    ):
        with pytest.raises(error):
            remade(wrong, ref).verify(TERMINAL.public)
