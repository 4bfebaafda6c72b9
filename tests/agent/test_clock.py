"""The terminal's clocks."""

import time

import pytest
from msgspec.structs import replace

from agent import clock
from agent.clock import STEP_MS, Clock
from protocol.bodies import Sync


def set_wall(monkeypatch: pytest.MonkeyPatch, shift_ms: int) -> None:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + shift_ms * 1_000_000)


def kernel(monkeypatch: pytest.MonkeyPatch, synchronised: bool, bound_ms: int) -> None:
    monkeypatch.setattr(clock, "kernel_sync", lambda: (synchronised, bound_ms))


def test_now_is_the_wall_clock_and_the_time_since_boot() -> None:
    now = Clock().now()
    assert abs(now.wall_ms - time.time() * 1000) < 60_000
    assert len(now.boot) == 16
    assert now.boottime_ms > 0


def test_a_synchronised_clock_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, True, 17)
    now = Clock().now()
    assert (now.sync, now.bound_ms) == (Sync.SYNCHRONISED, 17)


def test_a_clock_behind_the_last_good_time_was_never_set(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, False, 0)
    ahead = time.time_ns() // 1_000_000 + 3_600_000
    assert Clock(last_good_ms=ahead, told=True).now().sync is Sync.UNSET
    assert Clock(last_good_ms=ahead - 7_200_000, told=True).now().sync is Sync.SET


def test_a_clock_that_nobody_told_the_time_was_never_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may stand where a saved clock put it: behind by as long as the power was off."""
    kernel(monkeypatch, False, 0)
    saved = Clock()
    assert saved.now().sync is Sync.UNSET
    set_wall(monkeypatch, 90_000)  # a person
    assert saved.step(saved.now()) is not None
    assert saved.now().sync is Sync.SET


def test_a_clock_that_was_synchronised_in_this_boot_stays_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel(monkeypatch, True, 17)
    found = Clock()
    heard = found.now()
    kernel(monkeypatch, False, 0)
    uptime_ms = Clock.boottime_ms()
    monkeypatch.setattr(Clock, "boottime_ms", staticmethod(lambda: uptime_ms + 60_000))
    assert found.now().sync is Sync.SET
    again = Clock()  # the agent is started again
    assert again.now().sync is Sync.UNSET
    again.go_on_after(replace(heard, boot=b"another boot's.."))
    assert again.now().sync is Sync.UNSET
    again.go_on_after(replace(heard, sync=Sync.UNSET))
    assert again.now().sync is Sync.UNSET
    again.go_on_after(heard)
    assert again.now().sync is Sync.SET


def test_a_step_is_told_once_and_slewing_never(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Clock()
    assert found.step(found.now()) is None
    with monkeypatch.context() as patch:
        set_wall(patch, STEP_MS // 2)
        assert found.step(found.now()) is None
    set_wall(monkeypatch, 90_000)
    step = found.step(found.now())
    assert step is not None
    assert step.after_ms - step.before_ms == pytest.approx(90_000, abs=50)
    assert found.step(found.now()) is None


def test_a_synchronised_clock_moves_the_floor_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    year_ms = 365 * 86_400_000
    found = Clock(last_good_ms=time.time_ns() // 1_000_000 + 14 * year_ms)

    def told(synchronised: bool, shift_ms: int) -> Sync:
        with monkeypatch.context() as patch:
            kernel(patch, synchronised, 5)
            set_wall(patch, shift_ms)
            found.step(found.now())  # a jump makes it look again
            return found.now().sync

    assert told(False, 0) is Sync.UNSET
    assert told(True, 1000) is Sync.SYNCHRONISED  # what was led years ahead is put right
    assert told(False, 90_000) is Sync.SET
    assert told(False, -90_000) is Sync.UNSET
