"""Chip numbers: which are identities, and that one card gives one number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.badges.refusals import NotAnIdentityError
from agent.badges.uid import em4100_badge, uid_badge
from protocol.badges import Assurance, Badge


@pytest.mark.parametrize("uid", ["DEADBEEF", "04A1B2C3D4E5F6", "04112233445566778899"])
def test_a_uid_is_upper_case_hexadecimal(uid: str) -> None:
    assert uid_badge(bytes.fromhex(uid)) == Badge(uid, "uid", Assurance.UID)


def test_only_four_octets_beginning_with_08_are_random() -> None:
    with pytest.raises(NotAnIdentityError) as refused:
        uid_badge(bytes.fromhex("08123456"))
    assert refused.value.reason == "random-uid"
    assert uid_badge(bytes.fromhex("08123456789ABC")).number == "08123456789ABC"


def outcome(uid: bytes) -> str:
    try:
        return uid_badge(uid).number
    except NotAnIdentityError as refused:
        return refused.reason


@given(st.binary(max_size=16))
def test_any_octets_are_a_badge_or_refused_with_a_reason(uid: bytes) -> None:
    if len(uid) not in (4, 7, 10):
        expected = "uid-length"
    elif len(uid) == 4 and uid[0] == 0x08:
        expected = "random-uid"
    elif set(uid) in ({0x00}, {0xFF}):
        expected = "blank"
    else:
        expected = uid.hex().upper()
    assert outcome(uid) == expected


@pytest.mark.parametrize(
    ("number", "reason"),
    [(bytes(5), "blank"), (b"\xff" * 5, "blank"), (b"\x01" * 4, "uid-length")],
)
def test_numbers_that_are_no_tag(number: bytes, reason: str) -> None:
    with pytest.raises(NotAnIdentityError) as refused:
        em4100_badge(number)
    assert refused.value.reason == reason


def test_an_em4100_number_is_told_from_a_uid() -> None:
    assert em4100_badge(bytes.fromhex("0600908EF3")).profile == "em4100"
