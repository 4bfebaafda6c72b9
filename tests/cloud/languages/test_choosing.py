"""Which language is spoken to whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.languages.choosing import chosen
from cloud.languages.current import LANGUAGES


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "fr", "fr"),
        ("", "fr-BE,fr;q=0.9,en;q=0.8", "fr"),
        ("", "nl-BE", "nl"),
        ("", "DE", "de"),
        ("", "en;q=0.5, nl;q=0.8, fr;q=0.7", "nl"),
        ("", "es, it", "en"),
        ("", "es, fr;q=0.1", "fr"),
        ("", "fr;q=0, nl;q=0.1", "nl"),
        ("", "fr ; q = 0.3 , de", "de"),
        ("", "*", "en"),
        ("", "fr;q=abc, nl;q=0.1", "nl"),
        ("", "fr;q=--5, nl;q=0.1", "nl"),
        ("", "fr;q=9999, nl", "fr"),
        ("de", "fr", "de"),
        ("xx", "fr", "fr"),
        ("../../etc", "", "en"),
        ("", "fr" * 100_000, "en"),
        ("", "," * 1_000 + "fr", "en"),
    ],
)
def test_what_was_chosen_then_what_the_browser_wants(
    cookie: str, accepted: str, language: str
) -> None:
    assert chosen(cookie, accepted) == language


@given(st.text(), st.text(alphabet="frnlde-*;q=0.19, \x00é٣"))
def test_whatever_is_sent_a_language_is_chosen(cookie: str, accepted: str) -> None:
    assert chosen(cookie, accepted) in LANGUAGES
