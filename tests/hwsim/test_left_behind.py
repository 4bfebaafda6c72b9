"""Processes that a killed simulation left are found again, and no others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.errors import SimulatorError
from hwsim.left_behind import alone, forget, note
from hwsim.processes import Process

# Dies as a killed simulation does: without a word to what it started.
_KILLED = """
import os, sys
from pathlib import Path
from hwsim.processes import Process
process = Process("sleeper", ["sleep", "1000"], Path(sys.argv[1]) / "sleeper.log")
process.start()
print(process.pid, flush=True)
os._exit(9)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def alive(pid: int) -> bool:
    """Whether a process does anything still; one that nobody waits for stays as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_was_left_is_ended(tmp_path: Path) -> None:
    below = tmp_path / "gatehouse"
    below.mkdir()
    pids = [
        int(subprocess.run([sys.executable, "-c", _KILLED, at], capture_output=True).stdout)
        for at in (tmp_path, below)
    ]
    assert all(map(alive, pids))
    with alone(tmp_path) as left:
        assert left == 2
    assert not any(map(alive, pids))
    with alone(tmp_path) as left:
        assert left == 0


def test_another_that_has_the_number_now_is_let_be(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    for words in (f"{sleeper.pid} 1", f"{sleeper.pid}", "", "nonsense here"):
        (tmp_path / "agent.sim-pid").write_text(words)
        with alone(tmp_path) as left:
            assert left == 0
    assert sleeper.poll() is None


def test_what_ended_in_order_is_forgotten(tmp_path: Path) -> None:
    log = tmp_path / "sleeper.log"
    with Process("sleeper", ["sleep", "1000"], log) as process:
        assert [file.name for file in tmp_path.iterdir() if file != log] == ["sleeper.sim-pid"]
        assert alive(process.pid)
    assert list(tmp_path.iterdir()) == [log]
    note(log, os.getpid())
    forget(log)
    forget(log)
    assert list(tmp_path.iterdir()) == [log]


def test_two_at_once_are_one_too_many(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "demo"),
        pytest.raises(SimulatorError, match=r"runs in .*/demo already"),
        alone(tmp_path / "demo"),
    ):
        pass
    with alone(tmp_path / "demo"):
        pass
    (tmp_path / "file").touch()
    with (
        pytest.raises(SimulatorError, match="choose another --directory"),
        alone(tmp_path / "file"),
    ):
        pass
