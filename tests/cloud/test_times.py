from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud import times
from cloud.errors import InvalidError

MOMENTS = st.integers(min_value=40_000_000_000, max_value=250_000_000_000_000)


@given(MOMENTS)
def test_what_is_written_is_read_back(ms: int) -> None:
    assert times.parse(times.rfc3339(ms)) == ms


@given(st.integers())
def test_any_number_can_be_shown(ms: int) -> None:
    assert datetime.fromisoformat(times.rfc3339(ms)).tzinfo is not None


def test_brussels_with_the_offset_written_out() -> None:
    summer = int(datetime(2026, 7, 1, 4, 30, tzinfo=UTC).timestamp() * 1000)
    winter = int(datetime(2026, 1, 1, 5, 30, tzinfo=UTC).timestamp() * 1000)
    assert times.rfc3339(summer) == "2026-07-01T06:30:00.000+02:00"
    assert times.rfc3339(winter) == "2026-01-01T06:30:00.000+01:00"


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("2026-07-01", "2026-07-01T00:00:00+02:00"),
        ("2026-07-01T06:30", "2026-07-01T04:30:00Z"),
        ("2026-07-01T06:30:00+05:00", "2026-07-01T01:30:00Z"),
    ],
)
def test_without_an_offset_it_is_brussels(written: str, same: str) -> None:
    assert times.parse(written) == times.parse(same)


@pytest.mark.parametrize(
    "written",
    ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
)
def test_refused(written: str) -> None:
    with pytest.raises(InvalidError):
        times.parse(written)
