"""Flags of a record in words."""

import pytest

from cloud.registrations.remarks import remarks
from protocol.badges import Flag


@pytest.mark.parametrize("flag", Flag)
def test_every_flag_has_words_of_its_own(flag: Flag) -> None:
    (words,) = remarks(flag)
    assert not words.startswith("flag")
    assert [remarks(other) for other in Flag].count([words]) == 1


def test_the_weightiest_first_and_the_unknown_by_number() -> None:
    assert remarks(0) == []
    assert remarks(Flag.LOW_ASSURANCE | Flag.BLOCKED | 1 << 9 | 1 << 12) == [
        "blocked", "below the least assurance", "flag 512", "flag 4096",
    ]  # fmt: skip
