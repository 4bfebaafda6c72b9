"""`pointeuse sim offline`: what it prints and how it ends; tests/integration runs all of it."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import CliRunner

from hwsim.cli import sim
from hwsim.errors import SimulatorError
from hwsim.examples import Examples
from hwsim.offline import play as module
from hwsim.offline.findings import Findings
from hwsim.offline.plan import Plan
from hwsim.offline.play import Result, Say

_RESULT = Result(
    days=400,
    seed=3,
    findings=Findings(taps=40, corrected=31, unsure=4, widest_s=12.3456),
    clock_resets=5,
    boots=4,
    rotations=5,
    records=50,
    journal_bytes=21_000,
    waiting=0,
    drift_ppm=-12.0,
    tapping_s=1.0,
    drain_s=2.0,
    settled_s=2.5,
)
Answer = Callable[[Result | BaseException], None]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    def answer(with_: Result | BaseException) -> None:
        def play(plan: Plan, days: int, seed: int, say: Say) -> Result:
            say("something happens")
            if isinstance(with_, BaseException):
                raise with_
            return with_

        monkeypatch.setattr(module, "play", play)

    return answer


def test_json_says_what_was_found_and_nothing_else_on_standard_output(answer: Answer) -> None:
    answer(_RESULT)
    done = CliRunner().invoke(sim, ["offline", "--days", "400", "--seed", "3", "--json"])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found == {
        "days": 400, "seed": 3, "taps": 40, "lost": 0, "duplicates": 0, "invented": 0,
        "misdated": 0, "corrected": 31, "unsure": 4, "unbounded": 0, "widest_s": 12.346,
        "clock_resets": 5, "boots": 4, "rotations": 5, "records": 50, "journal_bytes": 21_000,
        "bytes_per_record": 420.0, "waiting": 0, "drift_ppm": -12.0, "tapping_s": 1.0,
        "drain_s": 2.0, "settled_s": 2.5,
    }  # fmt: skip
    assert "seed 3" in done.stderr
    assert "something happens" in done.stderr


def test_people_get_a_line_for_each_figure(answer: Answer) -> None:
    answer(_RESULT)
    done = CliRunner().invoke(sim, ["offline"])
    assert done.exit_code == 0
    assert ["journal", "bytes", "21,000"] in [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["lost", "duplicates", "invented", "misdated"])
def test_whatever_is_wrong_ends_with_1_and_is_named(answer: Answer, name: str) -> None:
    wrong = Findings(taps=40, examples=Examples(["badge 7 is amiss"]))
    setattr(wrong, name, 1)
    answer(replace(_RESULT, findings=wrong))
    done = CliRunner().invoke(sim, ["offline", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)[name] == 1
    assert "badge 7 is amiss" in done.stderr


def test_a_record_nobody_can_interpret_ends_with_1(answer: Answer) -> None:
    answer(replace(_RESULT, waiting=1))
    assert CliRunner().invoke(sim, ["offline"]).exit_code == 1


def test_what_cannot_be_done_is_one_line_and_ends_with_2(answer: Answer) -> None:
    answer(SimulatorError("there is no gcc here: apt-get install gcc"))
    done = CliRunner().invoke(sim, ["offline"])
    assert done.exit_code == 2
    assert "sim offline: there is no gcc here" in done.stderr
    assert "Traceback" not in done.output


def test_ctrl_c_is_no_traceback(answer: Answer) -> None:
    answer(KeyboardInterrupt())
    done = CliRunner().invoke(sim, ["offline"])
    assert done.exit_code == 130
    assert "Traceback" not in done.output
