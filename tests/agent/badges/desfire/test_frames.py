"""Commands in APDUs, and answers in several frames."""

import pytest

from agent.badges.desfire import frames
from agent.badges.desfire.errors import MalformedError, RefusedError
from agent.badges.sessions import CardError
from tests.agent.badges.desfire.script import Script


def test_native_frames_are_chained() -> None:
    script = Script([(b"abc", 0x91AF), (b"def", 0x91AF), (b"g", 0x9100)])
    assert frames.command(script, 0x60, b"", 7) == b"abcdefg"
    assert [apdu.hex().upper() for apdu in script.sent] == [
        "9060000000",
        "90AF000000",
        "90AF000000",
    ]


def test_what_a_reader_keeps_back_is_fetched() -> None:
    script = Script([(b"ab", 0x6103), (b"cde", 0x91AF), (b"", 0x6C02), (b"fg", 0x9100)])
    assert frames.command(script, 0xBD, b"\x01", 7) == b"abcdefg"
    assert [apdu.hex().upper() for apdu in script.sent] == [
        "90BD0000010100",
        "00C0000003",
        "90AF000000",
        "90AF000002",
    ]


@pytest.mark.parametrize(
    "answers",
    [
        [(b"12345", 0x9100)],
        [(b"123", 0x91AF), (b"45", 0x91AF), (b"6", 0x9100)],
        [(b"", 0x91AF), (b"", 0x91AF), (b"", 0x9100)],
        [(b"", 0x6101), (b"", 0x6101)],
        [(b"1" * 250, 0x61FF), (b"1" * 250, 0x61FF), (b"1", 0x9100)],
    ],
)
def test_a_card_that_says_more_than_was_asked_is_not_followed(
    answers: list[tuple[bytes, int]],
) -> None:
    with pytest.raises(MalformedError):
        frames.command(Script(answers), 0xBD, b"", 4)


def test_a_refusal_names_command_and_status() -> None:
    with pytest.raises(RefusedError, match="BD was answered 919D") as refused:
        frames.command(Script([(b"", 0x919D)]), 0xBD, b"", 4)
    assert refused.value.status == 0x919D


def test_a_card_pulled_away_is_told_as_such() -> None:
    with pytest.raises(CardError) as gone:
        frames.command(Script([(b"abc", 0x91AF), None]), 0x60, b"", 9)
    assert gone.value.reason == "pulled-away"
