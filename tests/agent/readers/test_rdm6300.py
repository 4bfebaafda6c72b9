"""RDM6300 and ID-12 frames: whatever bytes arrive, a result or nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.readers.frames import Garbled, Presented
from agent.readers.rdm6300 import Rdm6300Parser
from protocol.badges import Assurance, Badge
from tests.agent.readers.streams import cut, only_typed_results, parse

# Frames as the modules' data sheets print them.
ID12 = b"\x02" + b"62E3086CED08" + b"\r\n" + b"\x03"
RDM = b"\x02" + b"0600908EF3" + b"EB" + b"\x03"

NUMBERS = st.binary(min_size=5, max_size=5).filter(lambda n: n not in (bytes(5), b"\xff" * 5))
STREAMS = st.lists(
    st.sampled_from([b"\x02", b"\x03", b"\r\n", b"0", b"A", b"F0", ID12, RDM, b"\x00", b"zz"])
    | st.binary(max_size=6)
).map(b"".join)


def frame(number: bytes) -> bytes:
    checksum = number[0] ^ number[1] ^ number[2] ^ number[3] ^ number[4]
    return b"\x02%s%02X\x03" % (number.hex().upper().encode(), checksum)


def read(number: str) -> Presented:
    return Presented(Badge(number, "em4100", Assurance.UID))


def test_frames_of_both_modules() -> None:
    assert Rdm6300Parser().feed(ID12) == [read("62E3086CED")]
    assert Rdm6300Parser().feed(RDM) == [read("0600908EF3")]


def test_lower_case_is_the_same_badge() -> None:
    assert Rdm6300Parser().feed(ID12.lower()) == [read("62E3086CED")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (RDM.replace(b"EB", b"EA"), "checksum"),
        (RDM.replace(b"06", b"0 "), "frame"),
        (RDM.replace(b"06", b"+6"), "frame"),
        (RDM.replace(b"06", b"_6"), "frame"),
        (RDM[:-2] + b"\x03", "frame"),
        (RDM[:-1] + b"0\x03", "too-long"),
        (RDM[:-1] + b"\r\x03", "frame"),
        (RDM[:-1] + b"\n\r\x03", "frame"),
        (frame(bytes(5)), "blank"),
        (frame(b"\xff" * 5), "blank"),
        (RDM[1:], "frame"),
    ],
)
def test_what_is_no_badge_is_said_once(data: bytes, reason: str) -> None:
    assert Rdm6300Parser().feed(data) == [Garbled(reason)]


def test_a_frame_cut_by_the_next_one() -> None:
    assert Rdm6300Parser().feed(RDM[:5] + RDM) == [Garbled("frame"), read("0600908EF3")]


def test_a_cut_frame_is_given_up_when_the_line_goes_quiet() -> None:
    parser = Rdm6300Parser()
    assert parser.feed(RDM[:7]) == []
    assert parser.idle() == [Garbled("frame")]
    assert parser.idle() == []
    assert parser.feed(RDM) == [read("0600908EF3")]


def test_line_ends_between_frames_are_nothing() -> None:
    assert Rdm6300Parser().feed(b"\r\n" + RDM + b"\r\n\0" + RDM) == [read("0600908EF3")] * 2


@given(STREAMS)
def test_any_bytes_give_only_typed_results(data: bytes) -> None:
    only_typed_results(Rdm6300Parser, data)


@given(NUMBERS)
def test_every_number_is_read(number: bytes) -> None:
    assert Rdm6300Parser().feed(frame(number)) == [read(number.hex().upper())]


@given(NUMBERS, st.integers(1, 12), st.integers(0, 255))
@example(b"\x01\x02\x03\x04\x05", 1, 0x31)
def test_one_wrong_octet_never_gives_another_badge(number: bytes, at: int, octet: int) -> None:
    garbled = bytearray(frame(number))
    garbled[at] = octet
    for result in Rdm6300Parser().feed(bytes(garbled)):
        assert isinstance(result, Garbled) or result == read(number.hex().upper())


@given(STREAMS, NUMBERS)
def test_a_frame_after_anything_is_found(noise: bytes, number: bytes) -> None:
    results = Rdm6300Parser().feed(noise + frame(number))
    assert results[-1] == read(number.hex().upper())


@given(STREAMS, st.lists(st.integers(0, 10_000)))
def test_where_the_stream_is_cut_makes_no_difference(data: bytes, places: list[int]) -> None:
    assert parse(Rdm6300Parser(), cut(data, places)) == Rdm6300Parser().feed(data)


@given(st.binary(min_size=1).filter(lambda data: 0x02 not in data and data.strip(b"\r\n\0")))
def test_noise_is_said_once_however_long(noise: bytes) -> None:
    assert Rdm6300Parser().feed(noise * 50) == [Garbled("frame")]
