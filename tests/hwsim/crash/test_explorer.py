"""A share of the campaign; and every agent broken on purpose is found broken."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwsim.cli import sim
from hwsim.crash import mutants
from hwsim.crash.explorer import Result, explore
from hwsim.errors import SimulatorError

SEED = 20261123


def say(what: str) -> None:
    print(f"seed {SEED}: {what}")


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_no_power_cut_costs_a_tap_that_was_green(tmp_path: Path) -> None:
    result = explore(4000, SEED, keep=tmp_path / "kept", say=say)
    assert result.first is None, f"kept in {tmp_path}: {result.first}"
    assert (result.states, result.acked_lost, result.corrupt) == (4000, 0, 0)


@pytest.mark.integration
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_an_agent_broken_on_purpose_is_found(name: str, tmp_path: Path) -> None:
    result = explore(600, SEED, mutant=name, keep=tmp_path / "kept", say=say)
    assert result.acked_lost > 0
    assert result.first is not None
    assert list((tmp_path / "kept").iterdir()) or result.first.how == "none"


def test_a_mutant_that_fits_no_more_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = mutants.Mutant("of another time", "gate.py", "this is not in it", "")
    monkeypatch.setattr(mutants, "MUTANTS", {"stale": stale})
    with pytest.raises(SimulatorError, match=r"stale fits agent/gate\.py 0 times"):
        mutants.environment("stale", tmp_path)


def test_the_result_is_one_object() -> None:
    result = Result(states=10, acked_lost=1, corrupt=2, seconds=2.0)
    assert json.loads(result.as_json()) == {
        "states": 10,
        "acked_lost": 1,
        "corrupt": 2,
        "states_per_s": 5.0,
    }


def test_the_ways_to_break_it_are_listed() -> None:
    listed = CliRunner().invoke(sim, ["crash", "--mutant", "list"])
    assert {line.split()[0] for line in listed.output.splitlines()} == set(mutants.MUTANTS)
    unknown = CliRunner().invoke(sim, ["crash", "--mutant", "no-such"])
    assert unknown.exit_code == 2
    assert "normal-sync" in unknown.output
