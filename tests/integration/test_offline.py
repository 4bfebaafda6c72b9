"""A terminal comes back after 400 days: clock reset five times, the platform's keys replaced."""

import pytest

from hwsim.offline import plan
from hwsim.offline.play import play

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_a_year_and_more_offline_loses_doubles_and_misdates_nothing(seed: int) -> None:
    made = plan.make(400, 300, seed)
    said: list[str] = []

    result = play(made, 400, seed, said.append)

    found = result.findings
    assert found.taps == 300
    assert (found.lost, found.duplicates, found.invented) == (0, 0, 0), found.examples
    assert found.misdated == 0, found.examples
    # Both what follows the last time server, and what came before the one halfway.
    assert found.corrected > found.taps / 2
    assert found.corrected + found.unsure <= found.taps
    assert result.waiting == 0
    assert (result.clock_resets, result.boots, result.rotations) == (5, 4, 5)
    assert result.records > found.taps
    assert result.good
    assert "the network comes back" in "\n".join(said)
