"""Printed numbers: separators do not count, and what else a card says is kept when it fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.badges.printed import LONGEST_NUMBER, enterprise_number, printed_badge
from agent.badges.refusals import NotAnIdentityError
from protocol import blobs
from protocol.badges import Assurance


@pytest.mark.parametrize("text", ["1234 5678", "1234-5678", "12.34/56.78", "12345678"])
def test_separators_do_not_count(text: str) -> None:
    badge = printed_badge(text)
    assert (badge.number, badge.profile) == ("12345678", "printed")
    assert badge.assurance is Assurance.PRINTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-a-number"),
        (" - ", "not-a-number"),
        ("12_34", "not-a-number"),
        ("\uff11\uff12", "not-a-number"),
        ("0000", "blank"),
        ("1" * 49, "too-long"),
    ],
)
def test_what_is_no_number(text: str, reason: str) -> None:
    with pytest.raises(NotAnIdentityError) as refused:
        printed_badge(text)
    assert refused.value.reason == reason


def test_the_longest_number_fits_a_sealed_tap() -> None:
    assert LONGEST_NUMBER == blobs.MAX_NUMBER
    assert printed_badge("A" * LONGEST_NUMBER, "0403019261", "9" * 16).employer == "0403019261"
    assert len("0403019261") == blobs.MAX_EMPLOYER
    assert printed_badge("1", worker="9" * blobs.MAX_WORKER).worker == "9" * blobs.MAX_WORKER
    assert printed_badge("1", worker="9" * (blobs.MAX_WORKER + 1)).worker is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0403019261", "0403019261"),
        ("BE 0403.019.261", "0403019261"),
        ("be0403019261", "0403019261"),
        ("403019261", "0403019261"),
        ("40301926", None),
        ("04030192610", None),
        ("NL0403019261", None),
        ("٠٤٠٣٠١٩٢٦١", None),
        ("", None),
    ],
)
def test_enterprise_numbers(text: str, number: str | None) -> None:
    assert enterprise_number(text) == number


def test_an_odd_employer_or_worker_never_costs_the_tap() -> None:
    badge = printed_badge("4711", "unknown", "é")
    assert (badge.number, badge.employer, badge.worker) == ("4711", None, None)


@given(st.text(), st.text() | st.none(), st.text() | st.none())
def test_any_text_is_a_badge_or_refused(
    number: str, employer: str | None, worker: str | None
) -> None:
    try:
        badge = printed_badge(number, employer, worker)
    except NotAnIdentityError:
        return
    assert badge.number.isascii()
    assert badge.number.isalnum()
    assert 0 < len(badge.number) <= LONGEST_NUMBER
    assert badge.employer is None or (len(badge.employer) == 10 and badge.employer.isdigit())
    assert badge.worker is None or 0 < len(badge.worker) <= blobs.MAX_WORKER
