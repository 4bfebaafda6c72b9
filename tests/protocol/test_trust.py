"""Trust documents and receipts: who may sign, how often a key counts, which leaf is meant."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import bodies, cbor, cose, trust
from protocol.commands import Command
from protocol.errors import (
    MalformedError,
    ProtocolError,
    SignatureError,
    TrustError,
)
from protocol.keys import Algorithm
from protocol.receipts import Leaf, sign_receipts, verify_receipt
from protocol.trust import Trust
from tests.protocol.messages import (
    CONFIG,
    ME,
    NONCE,
    PLATFORM,
    RECEIPT,
    ROOT,
    TIME,
    TRUST,
    changed,
    leaves,
    signing_key,
)


def document(number: int, roots: list[Any], threshold: int = 1, **parts: Any) -> Trust:
    fields: dict[str, Any] = {
        "receipt_keys": [RECEIPT.public],
        "config_keys": [CONFIG.public],
        "seal_to": [PLATFORM.public],
    }
    public = [key.public for key in roots]
    return Trust(number, TIME.wall_ms, public, threshold, **(fields | parts))


SECOND, THIRD = signing_key(51), signing_key(52, Algorithm.ES256)


def test_a_root_key_counts_once() -> None:
    with pytest.raises(TrustError, match="threshold"):
        trust.pin(document(1, [ROOT, ROOT], 2).sign([ROOT, ROOT]))
    with pytest.raises(SignatureError):
        trust.pin(document(1, [ROOT, SECOND], 2).sign([ROOT, ROOT]))
    assert trust.pin(document(1, [ROOT, THIRD], 2).sign([ROOT, THIRD])).threshold == 2


def test_a_revoked_root_key_counts_for_nothing() -> None:
    revoking: dict[str, Any] = {"revoked": [SECOND.public.thumbprint]}
    first = trust.pin(document(1, [ROOT, SECOND], **revoking).sign([ROOT]))
    with pytest.raises(SignatureError):
        trust.follow(first, document(2, [SECOND]).sign([SECOND]))
    with pytest.raises(SignatureError):
        trust.pin(document(1, [ROOT, SECOND], 2, **revoking).sign([ROOT, SECOND]))


def test_keys_of_a_trust_document_that_are_revoked_sign_nothing() -> None:
    thumbprints = [RECEIPT.public.thumbprint, CONFIG.public.thumbprint]
    found = document(1, [ROOT], revoked=thumbprints)
    with pytest.raises(SignatureError):
        verify_receipt(sign_receipts(leaves(1), RECEIPT)[0], found.receipt_lookup)
    command = Command(ME, NONCE, 1, "report").sign(CONFIG)
    with pytest.raises(SignatureError):
        Command.verify(command, found.config_lookup, terminal=ME, nonce=NONCE, after=0)


def test_a_trust_document_nobody_could_live_with_is_refused() -> None:
    for number, wrong in ((1, {"threshold": 0}), (1, {"seal_to": []}), (1, {"threshold": 2})):
        made = document(number, [ROOT], **wrong)
        with pytest.raises(TrustError):
            trust.pin(made.sign([ROOT]))
    with pytest.raises(TrustError, match="3 cannot follow 1"):
        trust.follow(trust.pin(document(1, [ROOT]).sign([ROOT])), document(3, [ROOT]).sign([ROOT]))


def test_a_signature_by_a_stranger_is_passed_over_and_a_wrong_one_is_not() -> None:
    made = document(1, [ROOT])
    assert trust.pin(made.sign([signing_key(53), ROOT])).number == 1
    message = made.sign([ROOT, SECOND])
    tagged = cbor2.loads(message)
    protected, unprotected, payload, signatures = tagged.value
    spoilt = [[signatures[0][0], {}, bytes(64)], signatures[1]]
    for parts in (
        [protected, unprotected, payload, spoilt],
        [protected, unprotected, payload, []],
    ):
        with pytest.raises(SignatureError):
            trust.pin(cbor2.dumps(cbor2.CBORTag(98, parts)))
    for parts in (
        [b"\xa0", {}, payload, signatures],
        [b"", {4: b"kid"}, payload, signatures],
        [b"", {}, None, signatures],
        [b"", {}, payload, [[signatures[0][0], {4: b"kid"}, signatures[0][2]]]],
        [b"", {}, payload, [signatures[0][:2]]],
        [b"", {}, payload],
    ):
        with pytest.raises(MalformedError):
            trust.pin(cbor2.dumps(cbor2.CBORTag(98, parts)))


@pytest.mark.parametrize(
    ("key", "value"),
    [(0, 2), (1, b"t"), (3, 2**63), (5, -1), (7, b""), (8, 0), (8, 8), (8, True), (9, "1")],
)
def test_a_leaf_with_a_wrong_field_is_refused(key: int, value: Any) -> None:
    with pytest.raises(MalformedError):
        Leaf.decode(changed(leaves(1)[0].encode(), key, value))


@given(size=st.integers(1, 70), data=st.data())
def test_one_receipt_never_serves_another_leaf(size: int, data: st.DataObject) -> None:
    messages = sign_receipts(leaves(size), RECEIPT)
    index = data.draw(st.integers(0, size - 1))
    assert verify_receipt(messages[index], TRUST.receipt_lookup)[0] == leaves(size)[index]
    leaf, _, path, root = cbor2.loads(messages[index])
    other = data.draw(st.integers(0, size + 1))
    if other != index:
        with pytest.raises(ProtocolError):
            verify_receipt(cbor2.dumps([leaf, other, path, root]), TRUST.receipt_lookup)
    with pytest.raises(ProtocolError):
        verify_receipt(cbor2.dumps([leaf, index, [*path, b"?" * 32], root]), TRUST.receipt_lookup)


def test_bodies_say_which_receipt_they_follow() -> None:
    leaf = leaves(1)[0]
    assert (
        cbor.digest(leaf.encode())
        == verify_receipt(sign_receipts([leaf], RECEIPT)[0], TRUST.receipt_lookup)[1]
    )
    assert bodies.MAX_BODY == 4096


def with_unknown_kinds(number: int, *, only: bool) -> bytes:
    """A document of a later version: a key type and a KEM nobody here knows."""
    aad = b"pointeuse/1/trust"
    payload, _ = cose.verify(document(number, [ROOT]).sign([ROOT]), lambda _: None, aad)
    fields: Any = cbor.decode(payload)
    strange = [0x0999, bytes(48)]
    fields[5] = [b"a key of tomorrow", *fields[5]]
    fields[7] = [strange] if only else [strange, *fields[7]]
    return cose.sign([ROOT], cbor.encode(fields), aad)


@pytest.mark.parametrize("only", [False, True])
def test_keys_of_an_unknown_kind_stop_no_terminal_from_following(only: bool) -> None:
    first = trust.pin(document(1, [ROOT]).sign([ROOT]))
    second = trust.follow(first, with_unknown_kinds(2, only=only))
    assert second.receipt_keys == [RECEIPT.public]
    assert [key.kid for key in second.seal_to] == [PLATFORM.public.kid]
    assert trust.follow(second, document(3, [ROOT]).sign([ROOT])).number == 3


def test_a_first_document_that_names_nobody_we_can_seal_to_is_refused() -> None:
    with pytest.raises(TrustError, match="seal to"):
        trust.pin(with_unknown_kinds(1, only=True))
