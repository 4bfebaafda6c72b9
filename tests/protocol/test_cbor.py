"""CBOR made to harm, and that every value has one encoding."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose
from protocol.bodies import peek_blob_hash
from protocol.errors import MalformedError


def laughter(levels: int, width: int) -> bytes:
    """Arrays of shared references to the array before: `width ** levels` items in a few octets."""
    arrays = [b"\xd8\x1c" + bytes([0x80 + width]) + b"\0" * width]
    for level in range(1, levels):
        reference = b"\xd8\x1d" + bytes([level - 1])
        arrays.append(b"\xd8\x1c" + bytes([0x80 + width]) + reference * width)
    return bytes([0x80 + levels]) + b"".join(arrays)


BOMBS = {
    "shared references": laughter(7, 23),
    "a list in itself": bytes.fromhex("d81c81d81d00"),
    "a regular expression": cbor2.dumps(cbor2.CBORTag(35, "(?i)" + "[\u0100-\U0010ffff]" * 3000)),
    "a huge decimal": bytes.fromhex("c4821b7fffffffffffffff01"),
    "a rational with no denominator": bytes.fromhex("d81e820100"),
    "a MIME message": bytes.fromhex("d82478056162636465"),
    "a bignum as a key": bytes.fromhex("a1c24901000000000000000002"),
    "true as a key": bytes.fromhex("a1f500"),
    "a stop code": b"\xff",
    "100,000 levels": b"\x81" * 100_000 + b"\0",
    "100,000 tags": b"\xc1" * 100_000 + b"\0",
    "an array of 2**63 items": bytes.fromhex("9b7fffffffffffffff"),
    "more octets than anything takes": cbor.encode(bytes(cbor.MAX_MESSAGE)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_cbor_is_refused_where_it_stands(name: str) -> None:
    with pytest.raises(MalformedError):
        cbor.decode(BOMBS[name])
    assert peek_blob_hash(BOMBS[name]) is None
    for spoilt in (b"\xd2" + BOMBS[name], b"\xd2\x84\x40\xa0\x40" + BOMBS[name]):
        with pytest.raises(MalformedError):
            cose.verify1(spoilt, cose.keyring([]), b"")


def test_as_many_small_items_as_fit_are_read_to_the_end() -> None:
    count = cbor.MAX_MESSAGE - 5
    assert cbor.decode(b"\x9a" + count.to_bytes(4, "big") + b"\x80" * count) == [[]] * count


@pytest.mark.parametrize(("least", "octets"), [(24, 1), (1 << 8, 2), (1 << 16, 4), (1 << 32, 8)])
def test_every_number_has_one_encoding(least: int, octets: int) -> None:
    head = bytes([{1: 24, 2: 25, 4: 26, 8: 27}[octets]])
    for value in (least, least + 1, (1 << 8 * octets) - 1):
        assert cbor.decode(head + value.to_bytes(octets, "big")) == value
        assert cbor.decode(cbor.encode([value, -1 - value])) == [value, -1 - value]
    for value in (0, least - 1):
        with pytest.raises(MalformedError, match="shortest"):
            cbor.decode(head + value.to_bytes(octets, "big"))
    for reserved in (28, 29, 30, 31):
        with pytest.raises(MalformedError, match="indefinite"):
            cbor.decode(bytes([reserved]) + bytes(16))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.integers(0, 2**64 - 1), inner),
        max_leaves=12,
    )
)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    if levels(value) <= cbor.MAX_DEPTH:
        assert cbor.decode(cbor.encode(value)) == value
    else:
        with pytest.raises(MalformedError, match="levels"):
            cbor.decode(cbor.encode(value))


def levels(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


def test_eight_levels_are_read_and_nine_refused() -> None:
    assert cbor.decode(b"\x81" * 8 + b"\0") == [[[[[[[[0]]]]]]]]
    with pytest.raises(MalformedError, match="8 levels"):
        cbor.decode(b"\x81" * 9 + b"\0")
    with pytest.raises(MalformedError, match="8 levels"):
        cbor.decode(b"\xa1\0" * 9 + b"\0")
