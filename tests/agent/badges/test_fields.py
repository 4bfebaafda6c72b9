"""Fields of a badge's file."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.badges.fields import Encoding, Field, FieldError


def field(encoding: Encoding, length: int = 4) -> Field:
    return Field(0, length, encoding)


@pytest.mark.parametrize(
    ("encoding", "octets", "text"),
    [
        ("bcd", "00123456", "00123456"),
        ("ascii", "41423120", "AB1"),
        ("ascii", "41420000", "AB"),
        ("binary", "00ABCDEF", "00ABCDEF"),
        ("binary", "00000000", ""),
    ],
)
def test_each_encoding_has_its_text(encoding: Encoding, octets: str, text: str) -> None:
    assert field(encoding).text(bytes.fromhex(octets)) == text


@pytest.mark.parametrize(
    ("encoding", "octets"), [("bcd", "0012345A"), ("ascii", "C3A94142"), ("ascii", "41004200")]
)
def test_octets_that_are_not_of_the_encoding_are_refused(encoding: Encoding, octets: str) -> None:
    with pytest.raises(FieldError) as refused:
        field(encoding).text(bytes.fromhex(octets))
    assert octets not in str(refused.value)


@pytest.mark.parametrize(
    ("octets", "day"),
    [
        ("20261231", date(2026, 12, 31)),
        ("3230323631323331", date(2026, 12, 31)),
        ("00000000", None),
        ("FFFFFFFF", None),
        ("2020202020202020", None),
    ],
)
def test_a_date_in_bcd_or_ascii(octets: str, day: date | None) -> None:
    data = bytes.fromhex(octets)
    assert field("date", len(data)).day(data) == day


@pytest.mark.parametrize("octets", ["20260230", "2026AB01", "32303236313233", "3230323631323341"])
def test_what_is_no_date(octets: str) -> None:
    with pytest.raises(FieldError):
        field("date").day(bytes.fromhex(octets))


@given(st.sampled_from(["bcd", "ascii", "binary"]), st.binary(min_size=1, max_size=24))
def test_any_octets_are_printable_text_or_refused(encoding: Encoding, data: bytes) -> None:
    try:
        text = field(encoding, len(data)).text(data)
    except FieldError:
        return
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= field(encoding, len(data)).characters


@example(b"    ")
@example(b"0000")
@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=8, max_size=8)))
def test_any_octets_are_a_date_or_refused(data: bytes) -> None:
    with suppress(FieldError):
        day = field("date", len(data)).day(data)
        if day is None:
            assert data in [octet * len(data) for octet in (b"\0", b"\xff", b" ", b"0")]
        else:
            written = data.hex() if len(data) == 4 else data.decode("ascii")
            assert written == day.isoformat().replace("-", "")
