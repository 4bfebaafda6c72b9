"""Which acknowledged records go before their time, on a disk that fills."""

from hypothesis import given
from hypothesis import strategies as st

from agent.queue.retention import FULL, KEEP_PRESSED_MS, PRESSED, prune_before

DAY = 86_400_000
NOW = 1_800_000_000_000
RETENTION = 90 * DAY
DUE = NOW - RETENTION


def before(used: int, age_ms: int | None, retention_ms: int = RETENTION) -> int:
    return prune_before(NOW, retention_ms, used, None if age_ms is None else NOW - age_ms)


def test_with_room_everything_stays_for_its_time() -> None:
    assert before(PRESSED - 1, 89 * DAY) == DUE
    assert before(PRESSED - 1, 91 * DAY) == DUE


def test_a_pressed_disk_lets_the_oldest_receipt_go_and_no_more() -> None:
    assert before(PRESSED, 89 * DAY) == NOW - 89 * DAY + 1
    assert before(FULL, 3 * DAY) == NOW - 3 * DAY + 1


def test_what_is_past_its_time_goes_at_once_all_the_same() -> None:
    assert before(PRESSED, 91 * DAY) == DUE


def test_the_last_two_days_stay_until_the_disk_is_all_but_full() -> None:
    assert before(FULL - 1, KEEP_PRESSED_MS) == DUE
    assert before(FULL - 1, KEEP_PRESSED_MS + 1) == NOW - KEEP_PRESSED_MS
    assert before(FULL, 0) == NOW + 1


def test_where_nothing_can_be_cut_nothing_is_asked() -> None:
    assert before(100, None) == DUE


def test_a_retention_shorter_than_two_days_is_kept_to() -> None:
    assert before(PRESSED, 2 * DAY - 1, retention_ms=DAY) == NOW - DAY


@given(
    used=st.integers(0, 100),
    ages=st.lists(st.integers(0, 100 * DAY), max_size=20),
    retention_ms=st.integers(0, 100 * DAY),
    relief=st.integers(0, 100),
)
def test_repeated_it_ends_and_never_keeps_longer_than_the_retention(
    used: int, ages: list[int], retention_ms: int, relief: int
) -> None:
    kept = sorted(NOW - age for age in ages)
    while kept:
        limit = prune_before(NOW, retention_ms, used, kept[0])
        assert limit >= NOW - retention_ms
        rest = [accepted for accepted in kept if accepted >= limit]
        if len(rest) == len(kept):
            break
        kept, used = rest, max(0, used - relief)
    assert used < FULL or not kept
    assert used < PRESSED or all(accepted >= NOW - KEEP_PRESSED_MS for accepted in kept)
    assert all(accepted >= NOW - retention_ms for accepted in kept)
