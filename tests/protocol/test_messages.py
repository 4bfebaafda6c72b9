"""What every message shares: its version, its numbers as published, and limits met exactly."""

import io
import re
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import cbor2
import pytest

import protocol
from protocol import archive, batches, chain, cose, trust
from protocol.batches import Batch
from protocol.bodies import MAX_BODY, Body, Direction, Kind, Sync
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.disclosure import Disclosure
from protocol.errors import LinkError, MalformedError, ProtocolError, SignatureError
from protocol.hello import MAX_EPOCHS, EpochState, Hello
from protocol.keys import Algorithm, SigningKey
from protocol.receipts import Leaf, Verdict
from tests.protocol.messages import (
    CONFIG,
    EPOCH,
    ME,
    MINE,
    NONCE,
    ROOT,
    TERMINAL,
    TIME,
    TRUST,
    Chain,
    archive_items,
    changed,
    hello,
    leaves,
    payload_of,
    signing_key,
)

CHAIN = Chain()
CDDL = (Path(protocol.__file__).parent / "wire.cddl").read_text()
CONFIG_KEYS = cose.keyring([CONFIG.public])


def signed(key: SigningKey, payload: bytes, name: str) -> bytes:
    return cose.sign1(key, payload, b"pointeuse/1/" + name.encode())


# Each message that has a version: its map, and what reads it.
VERSIONED: dict[str, tuple[bytes, Callable[[bytes], Any]]] = {
    "body": (CHAIN.records[2][0], Body.decode),
    "batch": (CHAIN.batch().encode(), Batch.decode),
    "disclosure": (CHAIN.disclosure().encode(), Disclosure.decode),
    "archive": (archive_items(CHAIN)[0], lambda raw: next(archive.read(io.BytesIO(raw)))),
    "leaf": (leaves(1)[0].encode(), Leaf.decode),
    "hello": (
        payload_of(hello().sign(TERMINAL)),
        lambda raw: Hello.verify(signed(TERMINAL, raw, "hello"), TERMINAL.public),
    ),
    "trust": (
        payload_of(TRUST.sign([ROOT])),
        lambda raw: trust.pin(cose.sign([ROOT], raw, b"pointeuse/1/trust")),
    ),
    "configuration": (
        payload_of(Configuration(ME, 8, b"x").sign(CONFIG, MINE.public)),
        lambda raw: Configuration.verify(
            signed(CONFIG, raw, "config"),
            CONFIG_KEYS,
            terminal=ME,
            newer_than=0,
            sealing_key=MINE,
        ),
    ),
    "command": (
        payload_of(Command(ME, NONCE, 1, "report").sign(CONFIG)),
        lambda raw: Command.verify(
            signed(CONFIG, raw, "command"), CONFIG_KEYS, terminal=ME, nonce=NONCE, after=0
        ),
    ),
}


@pytest.mark.parametrize("name", VERSIONED)
def test_another_version_is_refused_by_its_number(name: str) -> None:
    raw, read = VERSIONED[name]
    read(raw)
    for version in (0, 2, True, None, "1"):
        with pytest.raises(MalformedError, match="version"):
            read(changed(raw, 0, version))


@pytest.mark.parametrize("name", VERSIONED)
def test_a_field_of_another_type_is_refused(name: str) -> None:
    raw, read = VERSIONED[name]
    for key in cbor2.loads(raw):
        if (name, key) == ("body", 11):
            continue
        strangers: tuple[Any, ...] = (True, -1, "text", [1], {}, b"?" * 99)
        for wrong in strangers:
            if type(wrong) is not type(cbor2.loads(raw)[key]):
                with pytest.raises(ProtocolError):
                    read(changed(raw, key, wrong))


@pytest.mark.parametrize(
    ("rule", "numbers"), [("kind", Kind), ("direction", Direction), ("verdict", Verdict)]
)
def test_numbers_are_those_of_the_cddl(rule: str, numbers: type[IntEnum]) -> None:
    (text,) = re.findall(rf"^{rule} = &\((.*?)\)", CDDL, re.MULTILINE)
    published = dict(re.findall(r"([a-z-]+): (\d+)", text))
    ours = {each.name.lower().replace("_", "-"): str(each.value) for each in numbers}
    assert ours == published


def test_sync_states_are_those_of_the_cddl() -> None:
    assert "3 => 0..2,                       ; unset, set, synchronised" in CDDL
    assert [each.name.lower() for each in Sync] == ["unset", "set", "synchronised"]
    assert [int(each) for each in Sync] == [0, 1, 2]


def test_limits_are_met_exactly() -> None:
    plain = Body(ME, EPOCH, 1, Kind.START, TIME, data={0: "x" * 3000, 1: 1})
    room = MAX_BODY - len(plain.encode())
    largest = Body(ME, EPOCH, 1, Kind.START, TIME, data={0: "x" * (3000 + room), 1: 1}).encode()
    assert len(largest) == MAX_BODY
    assert Body.decode(largest).data[1] == 1
    with pytest.raises(MalformedError):
        Body(ME, EPOCH, 1, Kind.START, TIME, data={0: "x" * (3001 + room), 1: 1}).encode()

    def batch(records: list[tuple[bytes, bytes | None]]) -> Batch:
        return Batch(NONCE, EPOCH, 1, b"l" * 32, records, CHAIN.head())

    assert Batch.decode(batch([(largest, b"b" * 192)]).encode()).records == [(largest, b"b" * 192)]
    many = batch([(b"", None)] * batches.MAX_RECORDS).encode()
    assert len(Batch.decode(many).records) == batches.MAX_RECORDS
    filled: list[tuple[bytes, bytes | None]] = [(b"x" * 4000, None)] * 32
    spare = batches.MAX_BATCH - len(batch([*filled, (b"x" * 1000, None)]).encode())
    full = batch([*filled, (b"x" * (1000 + spare), None)]).encode()
    assert len(full) == batches.MAX_BATCH
    assert len(Batch.decode(full).records) == 33


def test_a_hello_comes_back_whole_and_bounded() -> None:
    good = hello()
    assert Hello.verify(good.sign(TERMINAL), TERMINAL.public) == good
    without = Hello(ME, NONCE, 1, 1, [])
    assert Hello.verify(without.sign(TERMINAL), TERMINAL.public) == without
    assert (without.sealing_key, without.config_version) == (None, 0)
    states = [
        EpochState(bytes([number]) * 16, number, 1, b"a" * 32, 5, b"l" * 32, 3)
        for number in range(MAX_EPOCHS + 1)
    ]
    crowded = Hello(ME, NONCE, 1, 1, states).sign(TERMINAL)
    assert Hello.verify(crowded, TERMINAL.public).epochs == states[:MAX_EPOCHS]


def test_nothing_but_the_signature_of_its_terminal_proves_a_batch() -> None:
    good = CHAIN.batch()
    assert good.prove(TERMINAL.public, ME) == CHAIN.links[1:]

    def prove(head: bytes) -> None:
        batch = Batch(NONCE, EPOCH, good.first, good.link, good.records, head)
        batch.prove(TERMINAL.public, ME)

    for place, octet in enumerate(good.head):
        spoilt = good.head[:place] + bytes([octet ^ 1]) + good.head[place + 1 :]
        in_signature = place >= len(good.head) - cose.SIGNATURE
        with pytest.raises(SignatureError if in_signature else ProtocolError):
            prove(spoilt)
    said = chain.Head(ME, EPOCH, 5, CHAIN.links[5])
    for key in (CONFIG, signing_key(1, Algorithm.ES256)):
        with pytest.raises(SignatureError):
            prove(chain.assemble_head(said, TERMINAL.public, chain.head_signature(said, key)))
        with pytest.raises(SignatureError):
            prove(chain.sign_head(said, key))
    for head in (good.head[:-1], good.head + b"\0", good.head[-cose.SIGNATURE :], b""):
        with pytest.raises(MalformedError):
            prove(head)


def test_a_head_proves_no_other_place_than_its_own() -> None:
    """Each head is rightly signed over the right link, and says one thing that is not so."""
    heads = {
        "epoch": chain.Head(ME, b"?" * 16, 5, CHAIN.links[5]),
        "terminal": chain.Head(b"?" * 32, EPOCH, 5, CHAIN.links[5]),
        "seq": chain.Head(ME, EPOCH, 6, CHAIN.links[5]),
    }
    good = CHAIN.disclosure()
    for head in heads.values():
        message = chain.sign_head(head, TERMINAL)
        batch = Batch(NONCE, EPOCH, 3, CHAIN.links[2], CHAIN.records[2:], message)
        with pytest.raises(LinkError):
            batch.prove(TERMINAL.public, ME)
        shown = Disclosure(good.body, good.link, good.following, message, good.blob, good.key)
        with pytest.raises(ProtocolError):
            shown.verify(TERMINAL.public)
