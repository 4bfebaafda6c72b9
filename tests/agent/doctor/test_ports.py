import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.doctor import ports
from agent.doctor.findings import Finding, Verdict
from hwsim.serial_reader import SerialReader


def look(device: Path) -> Finding:
    (finding,) = ports.of_port("in", device)
    return finding


@pytest.fixture
def device(tmp_path: Path) -> Path:
    return tmp_path / "ttyUSB0"


def test_a_port_that_is_free(device: Path) -> None:
    with SerialReader(device):
        assert look(device).verdict is Verdict.OK


def test_a_port_that_is_not_there_or_no_device(device: Path) -> None:
    assert "No such file" in look(device).found
    assert "/dev/serial/by-id" in look(device).fix
    device.write_text("")
    assert "is no device" in look(device).found


def test_a_port_that_another_program_holds(device: Path) -> None:
    with SerialReader(device):
        holder = "import os,sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(); input()"
        with subprocess.Popen(
            [sys.executable, "-c", holder, str(device)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            process.stdout.readline()
            found = look(device)
            process.communicate(b"\n")
        assert found.verdict is Verdict.FAULT
        assert f"process {process.pid}" in found.found
        assert "ModemManager" in found.fix
        assert look(device).verdict is Verdict.OK


def test_a_port_that_is_closed_to_this_user(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SerialReader(device):
        # Whoever runs the tests as root may open everything.
        monkeypatch.setattr(os, "access", lambda *_: False)
        found = look(device)
    assert found.verdict is Verdict.FAULT
    assert "usermod -aG" in found.fix


def test_what_this_user_may_not_see_is_not_called_free(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    with SerialReader(device):
        monkeypatch.setattr(Path, "iterdir", refuse)
        found = look(device)
    assert found.verdict is Verdict.OK
    assert "only root sees" in found.found
    assert "nobody else" not in found.found
