"""From a tap to a stranger's desk: exported, disclosed, and verified with public keys alone."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hwsim.processes import run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_UPLINK = "backoff_s = 0.1\nbackoff_limit_s = 0.5\nresend_s = 2.0"
_NOT_HERE = ("cloud", "provisioning", "hwsim", "sqlalchemy", "fastapi", "psycopg", "paho")
"""What a stranger need not have installed."""


class Desk:
    """A third party: an empty directory, and what was carried to it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory

    def verify(self, *words: str, code: int = 0) -> Any:
        """The JSON that `pointeuse verify` prints here, without platform or environment."""
        gone = "".join(f"sys.modules[{name!r}] = None; " for name in _NOT_HERE)
        program = f"import sys; {gone}import pointeuse; pointeuse.main(*sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", program, "verify", *words, "--json"],
            cwd=self.directory,
            env={},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "stack") as stack:
        stack.prepare()
        yield stack


def test_a_tap_is_proved_to_somebody_without_the_platform(stack: Stack, tmp_path: Path) -> None:
    terminal = stack.add_terminal("gate")
    stack.register(terminal)
    stack.start_broker()
    stack.start_ingest()
    stack.start_api()
    with SerialReader(tmp_path / "reader", "rdm6300") as reader:
        terminal.configure(
            '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device}"\n',
            uplink=_UPLINK,
        )
        terminal.start()
        assert reader.opened()
        for number in range(1, 8):
            reader.present(f"{number:010X}")
        wait_for(lambda: _taps(terminal) >= 7, "seven taps are not recorded")
        terminal.wait_delivered()
        stack.wait_settled(7)
        desk = _carry(stack, terminal, tmp_path / "desk")
        _what_was_exported(desk, terminal, "running")
        terminal.agent.stop()
    _export(terminal, desk.directory / "stopped")
    _what_was_exported(desk, terminal, "stopped")
    _what_was_disclosed(desk, stack, terminal)
    _what_was_tampered_with(desk, terminal)


def _taps(terminal: Terminal) -> int:
    taps: int = (terminal.status() or {"counts": {}})["counts"].get("taps", 0)
    return taps


def _export(terminal: Terminal, path: Path) -> None:
    config = terminal.directory / "agent.toml"
    said = json.loads(run("agent", "export", "--config", config, "--out", path, "--json"))
    assert said["file"] == str(path)


def _carry(stack: Stack, terminal: Terminal, directory: Path) -> Desk:
    """Take an export, the terminal's public key and the platform's trust document along."""
    desk = Desk(directory)
    _export(terminal, desk.directory / "running")
    (desk.directory / "key").write_text(terminal.public_key)
    shutil.copy(terminal.state / "trust" / "1.cbor", desk.directory / "trust")
    return desk


def _what_was_exported(desk: Desk, terminal: Terminal, name: str) -> None:
    found = desk.verify(name, "--key", "key", "--trust", "trust")
    assert found["device"].replace("-", "") == terminal.device
    (epoch,) = found["epochs"]
    assert epoch["kinds"]["tap"] == 7
    assert epoch["receipt"]["seq"] == epoch["signed"] == epoch["last"]
    assert desk.verify(name)["key"] == "of the file"


def _what_was_disclosed(desk: Desk, stack: Stack, terminal: Terminal) -> None:
    for registration in stack.registrations():
        out = desk.directory / "disclosure"
        run(
            *("cloud", "disclose", "--registration", str(registration["id"])),
            *("--out", out, "--config", stack.settings),
        )
        found = desk.verify("disclosure", "--key", "key")
        assert found["badge"]["number"] == registration["badge"]
        assert found["record"]["seq"] == registration["seq"]
        assert found["record"]["epoch"] == registration["epoch"]
        assert found["device"].replace("-", "") == terminal.device
    changed = bytearray((desk.directory / "disclosure").read_bytes())
    changed[-1] ^= 1  # of k, with which the blob opens
    (desk.directory / "changed").write_bytes(changed)
    assert not desk.verify("changed", "--key", "key", code=1)["ok"]


def _what_was_tampered_with(desk: Desk, terminal: Terminal) -> None:
    """The journal itself, carried away: as it is, and then with one tap gone."""
    import sqlite3

    journal = desk.directory / "journal.sqlite"
    shutil.copy(terminal.state / "journal.sqlite", journal)
    options = ("journal.sqlite", "--key", "key", "--trust", "trust")
    assert desk.verify(*options)["ok"]
    db = sqlite3.connect(journal)
    db.execute("DELETE FROM records WHERE position = (1 << 40) | 4")
    db.commit()
    db.close()
    broken = desk.verify(*options, code=1)["first_broken"]
    assert (broken["what"], broken["first"], broken["last"]) == ("missing", 4, 4)
