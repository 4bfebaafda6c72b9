"""Terminals that lost one broker together do not come back together."""

import builtins
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from hwsim.cli import sim
from hwsim.errors import SimulatorError
from hwsim.reconnect import Outage, compare, plot, report, simulate

ROOT = Path(__file__).parents[2]


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(sim, ["reconnect", *arguments])


def test_everybody_comes_back_and_never_more_than_the_broker_takes(seed: int) -> None:
    outage = Outage(terminals=500, outage_s=20.0, accepts=7)
    for found in compare(outage, seed):
        assert sum(found.accepted.values()) == 500
        assert max(found.accepted.values()) <= 7
        assert min(found.accepted) >= 20
        assert sum(found.arrivals.values()) >= 500


def test_without_jitter_all_come_in_the_same_seconds(seed: int) -> None:
    outage = Outage(terminals=400, outage_s=100.0, accepts=50)
    jitter, whole = compare(outage, seed)
    assert whole.peak(100.0) == 400
    assert len(whole.accepted) == 400 / 50
    assert jitter.peak(100.0) < 400 / 4
    assert jitter.until(396) < whole.until(396)


def test_ten_thousand_spread_over_the_whole_delay_whatever_the_seed(seed: int) -> None:
    """Drawn from 0 to 300 s, half of which passes on average: 67 a second, give or take."""
    outage = Outage(terminals=10_000, outage_s=600.0, accepts=200)
    found = simulate(outage, random.Random(seed))
    assert found.peak(600.0) < 200
    assert sum(found.accepted.values()) == 10_000


def test_the_same_seed_gives_the_same_figures_and_the_same_bytes(tmp_path: Path) -> None:
    arguments = ["--terminals", "300", "--outage", "30", "--accepts", "20", "--json"]
    first = typed(*arguments, "--seed", "5", "--plot", str(tmp_path / "1.svg"))
    second = typed(*arguments, "--seed", "5", "--plot", str(tmp_path / "2.svg"))
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    other = json.loads(typed(*arguments, "--seed", "6").stdout)
    found = json.loads(first.stdout)
    assert found["jitter"] != other["jitter"]
    assert found["no_jitter"] == other["no_jitter"]
    assert found["terminals"] == 300


def test_the_picture_in_the_documentation_is_what_the_command_draws(tmp_path: Path) -> None:
    outage = Outage(terminals=10_000, outage_s=600.0, accepts=200)
    returns = compare(outage, 1)
    plot(tmp_path / "reconnect.svg", outage, 1, returns)
    drawn = (tmp_path / "reconnect.svg").read_bytes()
    assert drawn == (ROOT / "docs" / "images" / "reconnect.svg").read_bytes()
    assert report(outage, 1, returns)["jitter"]["peak_arrivals_per_s"] < 200


def test_one_line_says_what_cannot_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("--terminals", "2", "--outage", "0")
    done = typed(*few, "--plot", str(tmp_path / "absent" / "r.svg"))
    assert done.exit_code == 2
    assert "cannot write" in done.stderr

    original = builtins.__import__

    def without_matplotlib(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - as Python names it
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return original(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    outage = Outage(1, 0.0, 1)
    with pytest.raises(SimulatorError, match="pip install matplotlib"):
        plot(tmp_path / "r.svg", outage, 1, compare(outage, 1))


def test_the_table_is_for_people() -> None:
    done = typed("--terminals", "1000", "--outage", "0", "--backoff", "8")
    assert done.exit_code == 0, done.output
    assert "full jitter  at most" in done.stdout
    assert "no jitter    at most 1,000 arrivals a second" in done.stdout
