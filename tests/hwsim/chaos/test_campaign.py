"""Whole campaigns, on real parts: what they must not find, and that they find what is there."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwsim.chaos.campaign import LEAST_IN_STORM, play
from hwsim.chaos.platform import Database
from hwsim.chaos.world import Plan, World
from hwsim.cli import sim
from hwsim.crash.mutants import environment
from hwsim.processes import POINTEUSE
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SMALL = Plan(
    2000, 1, terminals=2, readers=2, database="sqlite", rate=500, kill_every_s=0.4, dead_s=0.5
)


def test_nothing_is_lost_or_doubled_whatever_fails(seed: int) -> None:
    result = play(Plan(20_000, seed), print)
    found = result.as_json()
    print(json.dumps(found))
    assert (found["taps"], found["lost"], found["duplicates"], found["invented"]) == (
        20_000,
        0,
        0,
        0,
    )
    assert result.good, found
    assert found["kills"] > 0
    assert found["cuts"] > 0
    assert found["green"] > 19_000
    assert found["delivered_in_storm"] >= LEAST_IN_STORM * 20_000
    # One that delivered only in peace would have proved little.
    assert not replace(result, delivered_in_storm=0).good


_COPY = """
    INSERT INTO registrations
        (epoch_id, seq, terminal_id, badge_id, assurance, direction, tapped_ms, received_ms)
    SELECT epoch_id, -seq, terminal_id, badge_id, assurance, direction, tapped_ms, received_ms
    FROM registrations WHERE id = ?
"""


def _damage(world: World) -> None:
    """Take one registration away, and enter another twice."""
    with world.database.open() as conn:
        (first,) = conn.execute("SELECT min(id) FROM registrations").fetchone()
        conn.execute("DELETE FROM registrations WHERE id = ?", (first,))
        (second,) = conn.execute("SELECT min(id) FROM registrations").fetchone()
        conn.execute(_COPY, (second,))


def test_a_registration_that_is_taken_away_or_doubled_is_found(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    result = play(SMALL, print, keep=keep, before_count=_damage)
    found = result.as_json()
    assert (found["lost"], found["duplicates"], found["invented"]) == (1, 1, 0)
    assert not result.good
    assert len(result.findings.examples) == 2
    kept = Database(f"sqlite:///{keep / 'stack' / 'platform.sqlite'}")
    # A tap that was never answered need not be there.
    assert len(set(kept.badges())) == found["green"] - 1 + found["maybe_registered"]
    assert (keep / "stack" / "t1" / "state" / "journal.sqlite").exists()


def test_an_agent_that_says_recorded_too_early_is_found_out(tmp_path: Path) -> None:
    env = environment("green-before-commit", tmp_path)
    gate = Path(env["PYTHONPATH"]) / "agent" / "gate.py"
    source = gate.read_text()
    commit = "            self._store(fresh)\n            self._sink = shown\n"
    assert source.count(commit) == 1
    # A card as slow as cheap ones are, or the moment to be killed in would seldom be met.
    gate.write_text(source.replace(commit, "            time.sleep(0.05)\n" + commit))
    result = play(replace(SMALL, terminals=3), print, env=env)
    assert result.findings.lost > 0
    assert (result.findings.duplicates, result.findings.invented) == (0, 0)


def _ours(directory: str) -> Iterator[str]:
    """Processes with something of that directory in their command line."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes()
        except OSError:
            continue
        if directory.encode() in command:
            yield command.decode(errors="replace")


def test_ctrl_c_leaves_no_process_and_no_file() -> None:
    command = [POINTEUSE, "sim", "chaos", "--taps", "1000000", "--database", "sqlite"]
    with (
        tempfile.TemporaryDirectory(prefix="pt-") as place,  # a socket's path must be short
        subprocess.Popen(
            command, stderr=subprocess.PIPE, env=os.environ | {"TMPDIR": place}
        ) as process,
    ):
        assert process.stderr is not None
        said = b""
        while b" kills, " not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        assert any(_ours(place))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert b"Traceback" not in process.stderr.read()
        wait_for(lambda: not any(_ours(place)), "all processes end")
        assert not list(Path(place).iterdir())


def test_without_postgresql_the_package_to_install_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr("hwsim.postgresql.shutil.which", nowhere)
    result = CliRunner().invoke(sim, ["chaos", "--taps", "1"])
    assert result.exit_code == 2
    assert "apt-get install postgresql" in result.stderr
    assert "Traceback" not in result.stderr
