"""`pointeuse sim demo`: what goes together."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hwsim.cli import sim
from hwsim.errors import SimulatorError


@pytest.mark.parametrize("other", [["--once"], ["--reader", "pcsc:"]])
def test_the_panel_is_a_demonstration_of_its_own(other: list[str]) -> None:
    result = CliRunner().invoke(sim, ["demo", "--panel", *other])
    assert result.exit_code == 2
    assert "--panel goes with neither" in result.stderr


def test_json_is_for_what_ends_or_begins_with_one_line() -> None:
    result = CliRunner().invoke(sim, ["demo", "--json"])
    assert result.exit_code == 2
    assert "--json goes with --once or --panel" in result.stderr


def test_the_panel_is_started_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def world(_: Path, seed: int) -> None:
        seeds.append(seed)
        raise SimulatorError("there is no mosquitto here")

    monkeypatch.setattr("hwsim.panel.world.World", world)
    result = CliRunner().invoke(sim, ["demo", "--panel", "--seed", "7"])
    assert (result.exit_code, seeds) == (2, [7])
    assert "there is no mosquitto here" in result.stderr
