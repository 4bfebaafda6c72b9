"""Words: each language has all of them, and a display can show them."""

from typing import get_args

import pytest

from agent.reads import Feedback
from agent.words import DISPLAY, WORDS, Language, display, reasons
from protocol.badges import Flag

LANGUAGES = get_args(Language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_words_for_everything_and_no_two_alike(language: Language) -> None:
    words = WORDS[language]
    assert list(words.outcomes) == list(Feedback)
    assert set(words.reasons) == set(Flag)
    for texts in zip(*words.reasons.values(), strict=True):
        assert len(set(texts)) == len(Flag)
        assert all(texts)
    assert reasons(Flag(sum(Flag)), language) == [why.screen for why in words.reasons.values()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_display_can_show_them(language: Language) -> None:
    texts = [display(Feedback.RECORDED_BUT, flag, language) for flag in Flag]
    texts += [
        display(each, Flag(0), language) for each in (Feedback.TRY_AGAIN, Feedback.OUT_OF_ORDER)
    ]
    assert len(set(texts)) == len(Flag) + 2
    for text in texts:
        assert 0 < len(text) <= DISPLAY
        assert text.isascii()
        assert text.isprintable()


def test_no_two_languages_are_the_same() -> None:
    said = [tuple(WORDS[language].outcomes.values()) for language in LANGUAGES]
    assert len(set(said)) == len(LANGUAGES)


@pytest.mark.parametrize(
    "feedback", [Feedback.RECORDED, Feedback.RECORDED_OFFLINE, Feedback.DUPLICATE]
)
def test_a_tap_with_nothing_to_add_is_a_sign(feedback: Feedback) -> None:
    assert display(feedback, Flag(0), "fr") == ""


def test_a_badge_seen_again_still_says_why() -> None:
    assert display(Feedback.RECORDED_BUT, Flag.EXPIRED | Flag.LOW_ASSURANCE, "de") == "ABGELAUFEN"
