"""The fuzzing command: every target for a little, and a target that must fail."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from agent.readers.frames import Result
from tests.fuzz.targets import TARGETS, stream

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_takes_any_bytes(name: str) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(300):
        TARGETS[name](chance.randbytes(chance.randrange(200)))


@pytest.mark.integration
def test_every_target_holds_for_a_little_guided_by_coverage() -> None:
    pytest.importorskip("atheris", reason="scripts/fuzz installs atheris")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--runs", "2000", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)["fuzz"]
    assert set(found) == set(TARGETS)
    assert all(result["inputs"] >= 2000 for result in found.values())


def test_an_unknown_target_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "radar"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no target radar" in done.stderr


def test_a_parser_that_keeps_too_much_fails() -> None:
    class Hoarder:
        def __init__(self) -> None:
            self.kept = bytearray()

        def feed(self, data: bytes) -> list[Result]:
            self.kept += data
            return []

        def idle(self) -> list[Result]:
            return []

    with pytest.raises(AssertionError):
        stream(Hoarder)(b"\x10" + b"x" * 700)
