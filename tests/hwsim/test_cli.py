"""`pointeuse sim`: what a developer types."""

import threading
from pathlib import Path

import pytest
import serial
from click.testing import CliRunner, Result

from hwsim.cli import sim


def typed(*arguments: str, lines: str = "") -> Result:
    return CliRunner().invoke(sim, arguments, input=lines)


def test_a_serial_badge_is_presented_to_who_opens_the_port(tmp_path: Path) -> None:
    device = tmp_path / "tty"
    results: list[Result] = []
    thread = threading.Thread(
        target=lambda: results.append(
            typed("serial", str(device), "--protocol", "line", "--present", "4711")
        )
    )
    thread.start()
    while not device.is_symlink():
        assert thread.is_alive()
    with serial.Serial(str(device), timeout=20) as port:
        assert port.read(6) == b"4711\r\n"
        thread.join()
    assert results[0].exit_code == 0, results[0].output
    assert not device.is_symlink()


def test_serial_commands_are_read_and_mistakes_are_said(tmp_path: Path) -> None:
    device = tmp_path / "tty"
    lines = "present 0600908EF3\n\nfly\npresent xyz\nunplug\npresent 0600908EF3\nreplug\n"
    result = typed("serial", str(device), lines=lines)
    assert result.exit_code == 0
    assert "'fly' is no command" in result.stderr
    assert "'xyz' is not hexadecimal" in result.stderr
    assert "unplugged" in result.stderr
    assert not device.is_symlink()


def test_a_path_in_use_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = typed("serial", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "choose another path" in result.stderr


@pytest.mark.integration
def test_card_commands_drive_a_real_pcscd(tmp_path: Path) -> None:
    lines = "insert DEADBEEF\ninsert CAFEBABE\nremove\nrandom 1\nremove\nkill\nstart\nfly\n"
    result = typed("card", "--directory", str(tmp_path), lines=lines)
    assert result.exit_code == 0, result.output
    assert f"export PCSCLITE_CSOCK_NAME={tmp_path}" in result.stdout
    assert "remove that one first" in result.stderr
    assert "'fly' is no command" in result.stderr
    assert not (tmp_path / "pcscd.comm").exists()


@pytest.mark.integration
def test_a_slot_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = typed("card", "--slot", "9", "--directory", str(tmp_path))
    assert result.exit_code == 2
    assert "there is no slot 9; 0 to 1 are" in result.stderr
