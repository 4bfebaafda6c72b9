from pathlib import Path

import pytest

from agent.doctor import machine
from agent.doctor.findings import Verdict


def said(findings: object) -> dict[str, tuple[Verdict, str]]:
    return {each.about: (each.verdict, each.found) for each in findings}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("heard", "bound_ms", "verdict"),
    [(True, 12, Verdict.OK), (True, 16_000, Verdict.WARNING), (False, 12, Verdict.WARNING)],
)
def test_a_clock_is_well_when_a_time_server_is_heard(
    monkeypatch: pytest.MonkeyPatch, heard: bool, bound_ms: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(machine, "kernel_sync", lambda: (heard, bound_ms))
    assert said(machine.clock(True))["system clock"][0] is verdict


def test_what_sets_the_clock_at_boot(tmp_path: Path) -> None:
    assert said(machine.clock(True))["clock at boot"][0] is Verdict.OK
    assert "keeps_time = false" in said(machine.clock(False))["clock at boot"][1]
    assert said(machine.clock(None, sys=tmp_path))["clock at boot"][0] is Verdict.WARNING


@pytest.mark.parametrize(
    ("kind", "options", "verdict"),
    [
        ("ext4", "rw,noatime", Verdict.OK),
        ("ext4", "ro", Verdict.FAULT),
        ("tmpfs", "rw", Verdict.FAULT),
        ("nfs4", "rw", Verdict.FAULT),
        ("vfat", "rw", Verdict.FAULT),
    ],
)
def test_the_file_system_has_to_keep_a_journal(
    tmp_path: Path, kind: str, options: str, verdict: Verdict
) -> None:
    mounts = tmp_path / "mounts"
    point = str(tmp_path).replace(" ", "\\040")
    mounts.write_text(f"/dev/a / ext4 rw 0 0\n/dev/b {point} {kind} {options} 0 0\n")
    found = said(machine.disk(tmp_path, mounts))
    assert found["file system"][0] is verdict
    assert kind in found["file system"][1]


def test_a_state_directory_that_is_not_there(tmp_path: Path) -> None:
    (finding,) = machine.disk(tmp_path / "nowhere")
    assert finding.verdict is Verdict.FAULT
    assert "pointeuse provision terminal" in finding.fix


def test_a_disk_that_fills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.disk import Usage

    monkeypatch.setattr(machine, "usage", lambda _: Usage(70, 30))
    assert said(machine.disk(tmp_path))[str(tmp_path)][0] is Verdict.WARNING
    monkeypatch.setattr(machine, "usage", lambda _: Usage(69, 31))
    assert said(machine.disk(tmp_path))[str(tmp_path)][0] is Verdict.OK
