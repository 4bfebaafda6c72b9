"""Lines of scanners: numbers, patterns, and what is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.readers.frames import Garbled, Presented
from agent.readers.line import LineParser
from agent.readers.patterns import LONGEST_LINE
from protocol.badges import Assurance, Badge
from tests.agent.readers.streams import cut, only_typed_results, parse

PATTERN = r"(?P<employer>[0-9.]{9,12});(?P<worker>\d+);(?P<badge>[0-9A-Z]+)"
STREAMS = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"12", b" ", b"x", b"\x07", b"\xff", b"0" * 129])
    | st.binary(max_size=6)
).map(b"".join)


def read(number: str) -> Presented:
    return Presented(Badge(number, "printed", Assurance.PRINTED))


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\n\r\n"])
def test_a_number_ended_in_any_way(end: bytes) -> None:
    assert LineParser().feed(b"000123456789" + end) == [read("000123456789")]


def test_spaces_around_it_do_not_count() -> None:
    assert LineParser().feed(b"  4711  \r\n") == [read("4711")]


def test_the_pattern_finds_employer_and_worker() -> None:
    [result] = LineParser(PATTERN).feed(b"0403.019.261;42;AB123\r\n")
    assert result == Presented(
        Badge("AB123", "printed", Assurance.PRINTED, employer="0403019261", worker="42")
    )


def test_a_pattern_must_match_the_whole_line() -> None:
    parser = LineParser(r"(?P<badge>\d{4})")
    assert parser.feed(b"12345\n") == [Garbled("pattern")]
    assert parser.feed(b"1234\n") == [read("1234")]


def test_a_branch_without_the_badge_is_no_badge() -> None:
    assert LineParser(r"(?P<badge>\d+)|ping").feed(b"ping\n") == [Garbled("not-a-number")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"12a4", "pattern"),
        (b"12\x0734", "frame"),
        (b"12\x0034", "frame"),
        ("12é4".encode(), "frame"),
        (b"0000", "blank"),
        (b"1" * 49, "too-long"),
        (b"1" * (LONGEST_LINE + 1), "too-long"),
        (b"x" * 100_000, "too-long"),
    ],
)
def test_what_is_no_number_is_said_once_and_the_next_line_is_read(line: bytes, reason: str) -> None:
    assert LineParser().feed(line + b"\r\n77\r\n") == [Garbled(reason), read("77")]


def test_a_line_of_the_greatest_length_is_matched() -> None:
    pattern = LineParser(r"X{100}(?P<badge>\d+)")
    assert pattern.feed(b"X" * 100 + b"1" * 28 + b"\n") == [read("1" * 28)]


def test_a_line_without_an_end_is_given_up_when_it_goes_quiet() -> None:
    parser = LineParser()
    assert parser.feed(b"12") == []
    assert parser.idle() == [Garbled("frame")]
    assert parser.feed(b"34\n") == [read("34")]


@given(STREAMS, st.sampled_from([None, PATTERN]))
def test_any_bytes_give_only_typed_results(data: bytes, pattern: str | None) -> None:
    only_typed_results(lambda: LineParser(pattern), data)


@given(STREAMS, st.integers(1, 10**48 - 1))
def test_a_line_after_anything_is_found(noise: bytes, number: int) -> None:
    results = LineParser().feed(noise + b"\n%d\r\n" % number)
    assert results[-1] == read(str(number))


@given(STREAMS, st.lists(st.integers(0, 10_000)))
def test_where_the_stream_is_cut_makes_no_difference(data: bytes, places: list[int]) -> None:
    assert parse(LineParser(), cut(data, places)) == LineParser().feed(data)
