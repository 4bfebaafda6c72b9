from hypothesis import given
from hypothesis import strategies as st

from cloud.registrations.reasons import Reason, explain


@given(st.lists(st.sampled_from(list(Reason)), min_size=1, unique=True))
def test_every_reason_has_advice(reasons: list[Reason]) -> None:
    text = explain(" ".join(reasons))
    for reason in reasons:
        assert reason.advice in text
        assert reason not in text.split()


def test_a_reason_not_known_yet_is_shown_as_it_is() -> None:
    assert explain("badge-unlinked of-the-future").endswith("of-the-future")
