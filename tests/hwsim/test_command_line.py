"""How the simulations' commands say things."""

import json

import pytest

from hwsim.command_line import conclude
from hwsim.examples import Examples


@pytest.mark.parametrize(("good", "code"), [(True, 0), (False, 1)])
def test_what_was_found_is_printed_and_decides_the_end(
    capsys: pytest.CaptureFixture[str], good: bool, code: int
) -> None:
    found = {"taps": 20_000, "database": "sqlite"}
    for as_json in (True, False):
        with pytest.raises(SystemExit) as ended:
            conclude(found, ["badge 7 is amiss"], good=good, as_json=as_json)
        assert ended.value.code == code
        said = capsys.readouterr()
        assert said.err == "badge 7 is amiss\n"
        if as_json:
            assert json.loads(said.out) == found
        else:
            assert said.out == "taps     20,000\ndatabase sqlite\n"


def test_of_each_kind_of_fault_a_few_are_shown() -> None:
    examples = Examples()
    for number in range(1, 8):
        examples.add(number, f"lost {number}")
    examples.add(1, "doubled 1")
    assert examples == [*(f"lost {number}" for number in range(1, 6)), "doubled 1"]
