"""The demonstration's scenario, on real parts: the whole path at once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hwsim.demo.outcome import FIELDS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
POINTEUSE = Path(sys.executable).with_name("pointeuse")


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    done = subprocess.run(
        [POINTEUSE, "sim", "demo", "--once", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_no_tap_is_lost_doubled_or_misattributed(played: dict[str, Any]) -> None:
    assert played["taps"] >= 200
    assert (played["lost"], played["duplicates"], played["misattributed"]) == (0, 0, 0)
    assert len(played["registrations"]) == played["taps"]


def test_every_field_is_there(played: dict[str, Any]) -> None:
    assert {tuple(registration) for registration in played["registrations"]} == {FIELDS}


def test_the_scenario_meets_what_it_should(played: dict[str, Any]) -> None:
    found = played["registrations"]
    assert {r["assurance"] for r in found} == {"uid", "printed"}
    assert {r["direction"] for r in found} == {"in", "out", "auto"}
    assert {r["site"] for r in found} == {
        "Kaai 12", "Station Dampoort", "Citadelle", "Quai de Rome",
    }  # fmt: skip
    assert {r["private_company"] for r in found} == {True, False}
    assert {r["worker"] is None for r in found} == {True, False}
    assert all(r["tapped_at"][-6] in "+-" for r in found)
