import pytest

from hwsim.offline import plan
from hwsim.offline.plan import DAY_S, PowerCycle, Rotation, Step, TimeServer, Visit


@pytest.mark.parametrize(("days", "taps"), [(1, 2), (30, 11), (400, 4000), (3650, 100_003)])
def test_every_tap_but_the_last_is_made_once_while_the_terminal_is_away(
    days: int, taps: int, seed: int
) -> None:
    found = plan.make(days, taps, seed)
    badges = 0
    for at_s, event in found.events:
        assert -days * DAY_S <= at_s < 0
        if isinstance(event, Visit):
            assert event.first == badges
            assert event.count > 0
            badges += event.count
    assert badges == taps - 1
    assert [at_s for at_s, _ in found.events] == sorted(at_s for at_s, _ in found.events)


def test_a_plan_has_every_kind_of_reset_and_several_rotations(seed: int) -> None:
    found = plan.make(400, 100, seed)
    cycles = [event for _, event in found.events if isinstance(event, PowerCycle)]
    steps = [event.by_s for _, event in found.events if isinstance(event, Step)]
    rotations = [event for _, event in found.events if isinstance(event, Rotation)]
    assert [event.wall_ms is None for event in cycles] == [False, False, True]
    back, leap, home = steps
    assert -6 * 3600 <= back <= -3600
    assert leap >= 2 * 365 * DAY_S
    assert home == -leap
    assert (found.resets, found.rotations) == (5, len(rotations))
    assert found.rotations >= 3
    assert all({"--receipt", "--config", "--sealing"} <= set(each.options) for each in rotations)


def test_a_time_server_keeps_its_word(seed: int) -> None:
    found = plan.make(400, 100, seed)
    servers = [event for _, event in found.events if isinstance(event, TimeServer)]
    for server in [*servers, found.last]:
        assert abs(server.error_ms) < server.bound_ms
    assert abs(found.drift_ppm) <= 60


def test_a_seed_gives_the_same_plan_again(seed: int) -> None:
    assert plan.make(100, 500, seed) == plan.make(100, 500, seed)
    assert plan.make(100, 500, seed) != plan.make(100, 500, seed + 1)
