"""Whatever arrives, only typed errors; whatever is flipped, found."""

import io
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import archive, blobs, cbor, chain, cose, merkle, seals, topics, trust
from protocol.badges import Assurance, Badge
from protocol.batches import Batch
from protocol.bodies import Body, peek_blob_hash
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.configured import Configured
from protocol.disclosure import Disclosure
from protocol.errors import LinkError, ProtocolError
from protocol.hello import Hello
from protocol.identity import compact, device_number, group, parse_device_number
from protocol.keys import VerifyKey
from protocol.receipts import verify_receipt
from tests.protocol.messages import (
    CONFIG,
    EPOCH,
    ME,
    MINE,
    NONCE,
    RECEIPT,
    ROOT,
    TERMINAL,
    TRUST,
    Chain,
    all_messages,
    hello,
)  # fmt: skip

CHAIN = Chain()
RECEIPT_LOOKUP = cose.keyring([RECEIPT.public])
CONFIG_LOOKUP = cose.keyring([CONFIG.public])

READERS: dict[str, Callable[[bytes], Any]] = {
    "cbor": cbor.decode,
    "body": Body.decode,
    "batch": Batch.decode,
    "head": lambda raw: chain.verify_head(raw, TERMINAL.public),
    "hello": lambda raw: Hello.verify(raw, TERMINAL.public),
    "unverified hello": Hello.unverified,
    "receipt": lambda raw: verify_receipt(raw, RECEIPT_LOOKUP),
    "trust": trust.pin,
    "configuration": lambda raw: Configuration.verify(
        raw, CONFIG_LOOKUP, terminal=ME, newer_than=0, sealing_key=MINE
    ),
    "configured": Configured.decode,
    "command": lambda raw: Command.verify(raw, CONFIG_LOOKUP, terminal=ME, nonce=NONCE, after=0),
    "disclosure": Disclosure.decode,
    "archive": lambda raw: list(archive.read(io.BytesIO(raw))),
    "key": VerifyKey.from_cose,
    "blob": lambda raw: blobs.open_blob(raw, CHAIN.content, CHAIN.place(3)),
}
VALID = [message for messages in all_messages().values() for message in messages]

simple = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.binary() | st.text()
anything = st.recursive(
    simple | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(0, 12) | st.text(max_size=2), inner, max_size=8)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("name", sorted(READERS))
@given(raw=st.binary(max_size=300))
def test_any_bytes_meet_a_typed_error_or_none(name: str, raw: bytes) -> None:
    try:
        READERS[name](raw)
    except ProtocolError:
        return


@pytest.mark.parametrize("name", sorted(READERS))
@given(value=anything, tag=st.sampled_from([None, 18, 98]))
def test_any_cbor_meets_a_typed_error_or_none(name: str, value: Any, tag: int | None) -> None:
    raw = cbor2.dumps(value if tag is None else cbor2.CBORTag(tag, value))
    peek_blob_hash(raw)
    try:
        READERS[name](raw)
    except ProtocolError:
        return


@pytest.mark.parametrize("name", sorted(READERS))
@given(data=st.data())
def test_a_damaged_message_meets_a_typed_error_or_none(name: str, data: st.DataObject) -> None:
    message = bytearray(data.draw(st.sampled_from(VALID)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(message) - 1))
        message[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(message)))
    for raw in (bytes(message), bytes(message[:cut])):
        try:
            READERS[name](raw)
        except ProtocolError:
            continue


SIGNED: dict[str, tuple[bytes, Callable[[bytes], Any]]] = {
    "head": (CHAIN.head(), READERS["head"]),
    "hello": (hello().sign(TERMINAL), READERS["hello"]),
    "trust": (TRUST.sign([ROOT]), trust.pin),
    "batch": (
        CHAIN.batch().encode(),
        lambda raw: Batch.decode(raw).prove(TERMINAL.public, ME),
    ),
    "disclosure": (
        CHAIN.disclosure().encode(),
        lambda raw: Disclosure.decode(raw).verify(TERMINAL.public),
    ),
}


@pytest.mark.parametrize("name", sorted(SIGNED))
@given(data=st.data())
def test_every_flipped_bit_of_what_is_signed_is_found(name: str, data: st.DataObject) -> None:
    message, read = SIGNED[name]
    bit = data.draw(st.integers(0, len(message) * 8 - 1))
    flipped = bytearray(message)
    flipped[bit // 8] ^= 1 << bit % 8
    if name == "batch" and 5 <= bit // 8 < 21:
        # The nonce alone is not signed: it only says which receipt answers.
        assert read(bytes(flipped)) == read(message)
        return
    with pytest.raises(ProtocolError):
        read(bytes(flipped))


@given(bodies=st.lists(st.binary(max_size=8), min_size=2, max_size=12, unique=True), data=st.data())
def test_links_find_every_edit_deletion_and_swap(bodies: list[bytes], data: st.DataObject) -> None:

    def last(found: list[bytes]) -> bytes:
        link = chain.epoch_link(ME, EPOCH)
        for body in found:
            link = chain.next_link(link, body)
        return link

    whole = last(bodies)
    place = data.draw(st.integers(0, len(bodies) - 1))
    assert last(bodies[:place] + bodies[place + 1 :]) != whole
    assert last([*bodies[:place], b"edited and longer", *bodies[place + 1 :]]) != whole
    swapped = list(bodies)
    swapped[place - 1], swapped[place] = swapped[place], swapped[place - 1]
    assert last(swapped) != whole


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, as it is written."""
    import hashlib

    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    pair = naive_root(leaves[:split]) + naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + pair).digest()


@given(leaves=st.lists(st.binary(max_size=8), min_size=1, max_size=40))
def test_merkle_paths_lead_to_the_root_of_the_standard(leaves: list[bytes]) -> None:
    root, paths = merkle.tree(leaves)
    assert root == naive_root(leaves)
    for index, (leaf, path) in enumerate(zip(leaves, paths, strict=True)):
        assert merkle.root_from_path(leaf, index, len(leaves), path) == root
        if path:
            with pytest.raises(ProtocolError):
                merkle.root_from_path(leaf, index, len(leaves), path[:-1])


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126))


@given(
    number=printable.filter(bool).map(lambda text: text[:48]),
    profile=printable.map(lambda text: text[:24]),
    assurance=st.sampled_from(Assurance),
    flags=st.integers(0, 2**16 - 1),
    employer=st.none() | printable.map(lambda text: text[:10]),
    worker=st.none() | printable.map(lambda text: text[:16]),
)
def test_any_badge_survives_its_seal_in_one_of_two_lengths(
    number: str,
    profile: str,
    assurance: Assurance,
    flags: int,
    employer: str | None,
    worker: str | None,
) -> None:
    badge = Badge(number, profile, assurance, flags, employer, worker)
    content = seals.ContentKey.generate()
    place = blobs.Place(ME, EPOCH, 7, content.seal_id)
    blob = blobs.seal_badge(badge, content, place)
    assert len(blob) in (128, 192)
    assert blobs.open_blob(blob, content, place) == badge


@given(thumbprint=st.binary(min_size=32, max_size=32), data=st.data())
def test_device_numbers_forgive_writing_and_find_mistakes(
    thumbprint: bytes, data: st.DataObject
) -> None:
    number = device_number(thumbprint)
    plain = compact(number)
    assert parse_device_number(number) == plain
    assert parse_device_number(f" {number.lower()} ".replace("1", "l").replace("0", "o")) == plain
    assert group(plain) == number
    place = data.draw(st.integers(0, 9))
    other = data.draw(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
    if other != plain[place]:
        with pytest.raises(ValueError, match="mistyped"):
            parse_device_number(plain[:place] + other + plain[place + 1 :])
    if place < 9 and plain[place] != plain[place + 1]:
        swapped = plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :]
        with pytest.raises(ValueError, match="mistyped"):
            parse_device_number(swapped)


def test_erasing_a_blob_leaves_the_chain_and_disclosing_opens_one_record_alone() -> None:
    disclosure = CHAIN.disclosure(4)
    body, badge = disclosure.verify(TERMINAL.public)
    assert badge is not None
    erased = Disclosure(disclosure.body, disclosure.link, disclosure.following, disclosure.head)
    assert erased.verify(TERMINAL.public) == (body, None)
    other = CHAIN.records[2][1]
    assert other is not None
    assert disclosure.key is not None
    with pytest.raises(ProtocolError):
        blobs.open_disclosed(other, disclosure.key, CHAIN.place(3))
    neighbours = [raw for raw, _ in CHAIN.records if raw != disclosure.body]
    assert not any(raw in disclosure.encode() for raw in neighbours)


def test_a_head_of_another_terminal_proves_nothing() -> None:
    with pytest.raises(LinkError):
        CHAIN.batch().prove(TERMINAL.public, b"?" * 32)


@given(text=st.text(max_size=60))
def test_topics_are_read_or_refused(text: str) -> None:
    try:
        device, name = topics.parse(text)
    except ProtocolError:
        return
    assert topics.topic(device, name) == text
