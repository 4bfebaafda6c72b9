"""The model of the conversation: spin finds its rules sound, and refutes each broken one."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "docs" / "model" / "stop-and-wait.pml"

pytestmark = pytest.mark.integration


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "model", *arguments], capture_output=True, text=True, cwd=ROOT
    )


def results(output: str) -> dict[str, tuple[str, str]]:
    """What was expected and what was found, by variant."""
    rows = [line.split() for line in output.splitlines()[1:]]
    return {row[0]: (row[1], row[2]) for row in rows}


@pytest.mark.timeout(300)
def test_the_rules_hold_and_each_broken_one_is_refuted() -> None:
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr
    found = results(done.stdout)
    assert all(expected == result for expected, result in found.values())
    kinds = [result for _, result in found.values()]
    assert kinds.count("holds") >= 5
    assert kinds.count("assertion") + kinds.count("cycle") >= 13


def test_the_readme_names_every_broken_rule() -> None:
    readme = (MODEL.parent / "README.md").read_text()
    broken = [
        line.strip().strip('"').split("|")[0]
        for line in (ROOT / "scripts" / "model").read_text().splitlines()
        if "|assertion|" in line or "|cycle|" in line
    ]
    assert broken
    for name in broken:
        assert f"| `{name}` |" in readme


@pytest.mark.timeout(120)
def test_a_flaw_in_the_rules_themselves_is_found(tmp_path: Path) -> None:
    source = MODEL.read_text()
    rule = "receipt[i].generation >= MAX(known, heard)"
    assert source.count(rule) == 1
    changed = tmp_path / "model.pml"
    changed.write_text(source.replace(rule, "receipt[i].generation >= 1"))
    done = check("--file", changed, "no-restore", "two-restores")
    assert done.returncode == 1
    assert results(done.stdout) == {
        "two-restores": ("holds", "cycle"),
        "no-restore": ("holds", "holds"),
    }


def test_a_variant_that_does_not_exist_is_named() -> None:
    done = check("no-such-rule")
    assert done.returncode == 2
    assert "no-such-rule" in done.stderr


@pytest.mark.timeout(120)
def test_the_steps_to_a_counterexample_are_shown() -> None:
    done = check("--trace", "old-forward")
    assert done.returncode == 0, done.stderr
    assert "START OF CYCLE" in done.stdout
