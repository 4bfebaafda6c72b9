"""The pseudo-APDU that lights an ACR122U."""

import pytest

from agent.readers import acr122u
from agent.reads import Feedback

RED, GREEN, AMBER = 0x50, 0xA0, 0xF0


@pytest.mark.parametrize("feedback", Feedback)
def test_every_feedback_has_a_signal_of_its_own(feedback: Feedback) -> None:
    signal = acr122u.signal(feedback)
    assert signal[:3] == b"\xff\x00\x40"
    assert signal[4] == 4
    assert len(signal) == 9
    bad = feedback in (Feedback.TRY_AGAIN, Feedback.OUT_OF_ORDER)
    good = AMBER if feedback is Feedback.RECORDED_BUT else GREEN
    assert signal[3] == (RED if bad else good)
    assert [acr122u.signal(other) for other in Feedback].count(signal) == 1


def test_it_is_known_by_its_name() -> None:
    assert acr122u.is_one("ACS ACR122U PICC Interface 00 00")
    assert not acr122u.is_one("ACS ACR1252 Dual Reader 00 00")
