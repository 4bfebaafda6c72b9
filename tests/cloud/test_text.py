import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud import text
from cloud.errors import InvalidError


@given(st.text())
def test_a_name_is_tidy_or_refused(entered: str) -> None:
    try:
        tidy = text.name(entered, "the name")
    except InvalidError:
        return
    assert tidy == text.name(tidy, "the name")
    assert tidy.strip() == tidy != ""
    assert len(tidy) <= text.MAX_NAME
    assert "\0" not in tidy


def test_two_spellings_that_look_the_same_are_the_same() -> None:
    assert text.name("Elodie\u0301", "") == text.name("Elodi\u00e9", "")
    assert unicodedata.is_normalized("NFC", text.name("e\u0301", ""))


@pytest.mark.parametrize("entered", ["", " \n ", "a\0b", "x" * 201, "a\x1b[31m"])
def test_refused(entered: str) -> None:
    with pytest.raises(InvalidError, match=r"^the name "):
        text.name(entered, "the name")


@given(st.text())
def test_masking_shows_four_characters_at_most(number: str) -> None:
    shown = text.masked(number)
    assert shown.startswith("…")
    assert len(shown) <= 5
    assert number not in shown or number == "" or number == "…"
