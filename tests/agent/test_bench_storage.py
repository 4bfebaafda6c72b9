"""Measuring the disk: what is said of it, and that nothing stays behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent import bench_storage
from agent.bench_storage import NEEDED, NoRoomError, Storage, Verdict, measure
from agent.cli import agent
from agent.disk import Usage


def storage(p99_ms: float, iops: float) -> Storage:
    return Storage("/x", 1000, 1.0, p99_ms, 2 * p99_ms, iops, past_the_cache=True)


@pytest.mark.parametrize(
    ("p99_ms", "iops", "verdict"),
    [
        (100, 500, Verdict.GOOD),
        (101, 500, Verdict.USABLE),
        (100, 499, Verdict.USABLE),
        (500, 250, Verdict.USABLE),
        (501, 9999, Verdict.TOO_SLOW),
        (1, 249, Verdict.TOO_SLOW),
    ],
)
def test_the_slower_of_the_two_decides(p99_ms: float, iops: float, verdict: Verdict) -> None:
    found = storage(p99_ms, iops)
    assert found.verdict is verdict
    assert ("SSD" in found.advice) is (verdict is not Verdict.GOOD)


@pytest.mark.parametrize(
    ("values", "p50", "p99"),
    [([7.0], 7.0, 7.0), ([1.0, 2.0], 1.0, 2.0), ([float(n) for n in range(1, 201)], 100.0, 198.0)],
)
def test_percentiles_are_values_that_were_measured(
    values: list[float], p50: float, p99: float
) -> None:
    assert bench_storage._percentile(values, 50) == p50
    assert bench_storage._percentile(values, 99) == p99


def test_it_measures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    told: list[str] = []
    found = measure(tmp_path, 0.1, told.append)
    assert 0 < found.append_p50_ms <= found.append_p99_ms <= found.append_max_ms
    assert found.appends > 0
    assert found.random_write_iops > 0
    assert len(told) == 2
    assert list(tmp_path.iterdir()) == []


def test_every_append_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = 0
    real = os.fdatasync

    def counting(file: int) -> None:
        nonlocal flushed
        flushed += 1
        real(file)

    monkeypatch.setattr(os, "fdatasync", counting)
    monkeypatch.setattr(bench_storage, "_AREA", 3 * 4096)  # so that it is begun anew
    count = len(list(bench_storage._appends(tmp_path, 0.02)))
    assert count == flushed


@pytest.mark.parametrize(
    ("room", "fits"),
    [
        (Usage(0, NEEDED), False),  # nothing would be left
        (Usage(9 * NEEDED, 11 * NEEDED), True),
        (Usage(18 * NEEDED, 2 * NEEDED), True),  # 95 % afterwards
        (Usage(18 * NEEDED + 1, 2 * NEEDED - 1), False),
    ],
)
def test_a_disk_is_not_filled_by_measuring_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Usage, fits: bool
) -> None:
    monkeypatch.setattr(bench_storage, "usage", lambda _: room)
    if fits:
        bench_storage._check_room(tmp_path)
        return
    with pytest.raises(NoRoomError, match="make room"):
        measure(tmp_path, 0.1, print)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()

    def said(*options: str, found: Storage) -> tuple[int, str]:
        monkeypatch.setattr(bench_storage, "measure", lambda *_: found)
        done = runner.invoke(agent, ["bench-storage", "--directory", str(tmp_path), *options])
        return done.exit_code, done.output

    code, text = said(found=storage(3.0, 800))
    assert code == 0
    assert "3.00 ms (p99)" in text
    assert "800 writes/s (class A1 asks 500, A2 2000)" in text
    code, text = said("--json", found=storage(600.0, 100))
    assert code == 1
    assert json.loads(text) | {"verdict": "too slow", "random_write_iops": 100} == json.loads(text)


def test_a_directory_nobody_may_write_in_is_one_line(tmp_path: Path) -> None:
    directory = Path("/proc/self")  # root may not either
    done = CliRunner().invoke(agent, ["bench-storage", "--directory", str(directory)])
    assert done.exit_code == 2
    assert done.output.count("\n") <= 2


@pytest.mark.integration
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_it_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    pointeuse = Path(sys.executable).with_name("pointeuse")
    with subprocess.Popen(
        [pointeuse, "agent", "bench-storage", "--directory", tmp_path, "--seconds", "60"],
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert "appending" in process.stderr.readline()
        process.send_signal(how)
        rest = process.stderr.read()
    assert "Traceback" not in rest
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []
