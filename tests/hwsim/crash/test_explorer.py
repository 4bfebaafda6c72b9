"""A share of the campaign; and every agent broken on purpose is found broken."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwsim.cli import sim
from hwsim.crash import kept, mutants
from hwsim.crash.explorer import Result, explore
from hwsim.errors import SimulatorError

SEED = 20261123


def say(what: str) -> None:
    print(f"seed {SEED}: {what}")


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_no_power_cut_costs_a_tap_that_was_green(tmp_path: Path) -> None:
    result = explore(3000, SEED, keep=tmp_path / "kept", say=say)
    assert result.first is None, f"kept in {tmp_path}: {result.first}"
    assert (result.states, result.acked_lost, result.corrupt) == (3000, 0, 0)


@pytest.fixture(scope="module")
def explored(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[Path, Future[Result]]]]:
    """Every mutant, some at a time: where its first wrong disk is kept, and what was found."""
    root = tmp_path_factory.mktemp("mutants")
    with ThreadPoolExecutor(3) as pool:
        yield {
            name: (
                root / name,
                pool.submit(
                    explore, 4000, SEED, mutant=name, keep=root / name, first_only=True, say=say
                ),
            )
            for name in mutants.MUTANTS
        }


@pytest.mark.integration
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_an_agent_broken_on_purpose_is_found(
    name: str, explored: dict[str, tuple[Path, Future[Result]]]
) -> None:
    where, future = explored[name]
    first = future.result().first
    assert first is not None
    # Its words may name a temporary folder; what kind of problem it is, they say first.
    assert kept.again(where).partition(":")[0] == first.problem.partition(":")[0]


def test_a_mutant_that_fits_no_more_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = mutants.Mutant("of another time", "gate.py", "this is not in it", "")
    monkeypatch.setattr(mutants, "MUTANTS", {"stale": stale})
    with pytest.raises(SimulatorError, match=r"stale fits agent/gate\.py 0 times"):
        mutants.environment("stale", tmp_path)


def test_the_result_is_one_object() -> None:
    result = Result(states=10, acked_lost=1, corrupt=2, seconds=2.0)
    assert result.as_json() == {
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
