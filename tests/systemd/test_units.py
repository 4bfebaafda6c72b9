"""The units: systemd's own tools find nothing wrong with them, and the agent feeds its watchdog."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.gate import Gate
from agent.notify import Notifier
from hwsim.processes import Process
from hwsim.serial_reader import SerialReader
from tests.agent.terminal import Screen, Terminal

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "pointeuse-agent.service"
EXPOSURE = 20
"""Tenths: systemd calls up to 2.0 of 10 "OK"."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root directory in which the unit is installed, and the program it starts exists."""
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(UNIT, units)
    for needed in ("multi-user.target", "sysinit.target", "basic.target", "shutdown.target"):
        (units / needed).write_text("[Unit]\nDescription=needed\n")
    (units / "pcscd.socket").write_text("[Socket]\nListenStream=/run/pcscd.comm\n")
    (units / "pcscd.service").write_text("[Service]\nExecStart=/bin/true\n")
    program = tmp_path / "opt/pointeuse/bin/pointeuse"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/true", tmp_path / "bin/true")
    return tmp_path


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_systemd_analyze_verifies_the_unit(root: Path) -> None:
    done = analyze("verify", "--man=no", f"--root={root}", UNIT.name)
    assert done.returncode == 0, done.stderr
    assert UNIT.name not in done.stderr


def test_systemd_analyze_would_find_a_mistake(root: Path) -> None:
    unit = root / "usr/lib/systemd/system" / UNIT.name
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notfiy"))
    assert UNIT.name in analyze("verify", "--man=no", f"--root={root}", UNIT.name).stderr


def test_the_unit_exposes_little() -> None:
    done = analyze("security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE}", UNIT)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_unit_lets_the_agent_ask_how_far_the_clock_is_right() -> None:
    settings = [line.partition("=") for line in UNIT.read_text().splitlines()]
    assert ("ProtectClock", "=", "yes") not in settings  # it refuses all of @clock
    allowed: set[str] = set()
    for name, _, value in settings:
        if name == "SystemCallFilter":
            named = {call for each in value.strip("~").split() for call in system_calls(each)}
            allowed = allowed - named if value.startswith("~") else allowed | named
    # Which of them is called differs from one libc and processor to the next.
    assert {"adjtimex", "clock_adjtime", "clock_adjtime64"} <= allowed
    assert not {"settimeofday", "clock_settime", "clock_settime64"} & allowed
    assert ("CapabilityBoundingSet", "=", "") in settings


def system_calls(name: str) -> set[str]:
    """What a system call or set of them (@...) stands for."""
    if not name.startswith("@"):
        return {name}
    lines = [line.strip() for line in analyze("syscall-filter", name).stdout.splitlines()[1:]]
    assert lines
    return {call for line in lines if line and line[0] != "#" for call in system_calls(line)}


@pytest.mark.parametrize(
    ("program", "file"),
    [
        ("systemd-sysusers", "pointeuse.sysusers.conf"),
        ("systemd-tmpfiles", "pointeuse.tmpfiles.conf"),
    ],
)
def test_the_other_files_are_understood(root: Path, program: str, file: str) -> None:
    kind = program.removeprefix("systemd-")
    folder = root / f"usr/lib/{kind}.d"
    folder.mkdir(parents=True)
    shutil.copy(SYSTEMD / file, folder)
    (root / "etc").mkdir()
    (root / "etc/group").write_text("root:x:0:\ndialout:x:20:\nplugdev:x:46:\n")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    if program == "systemd-tmpfiles":
        with (root / "etc/passwd").open("a") as passwd:
            passwd.write("pointeuse:x:999:999::/:/usr/sbin/nologin\n")
        with (root / "etc/group").open("a") as group:
            group.write("pointeuse:x:999:\n")
    more = ["--create"] if program == "systemd-tmpfiles" else []
    done = subprocess.run(
        [program, f"--root={root}", *more, str(folder / file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


class Listener:
    """systemd's end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.settimeout(20)

    def next(self) -> str:
        return self.socket.recv(200).decode()

    def close(self) -> None:
        self.socket.close()


def test_the_watchdog_is_fed_by_the_gates_own_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", listener.address)
    terminal = Terminal(tmp_path)
    gate = Gate(
        terminal.journal, terminal.recorder, terminal.telemetry, Screen(), notifier=Notifier()
    )
    gate.stop()
    gate.run()
    assert listener.next() == "WATCHDOG=1"
    listener.close()
    terminal.journal.close()


@pytest.mark.integration
def test_the_agent_says_when_it_is_ready_and_when_it_stops(tmp_path: Path) -> None:
    platform, state = tmp_path / "platform", tmp_path / "state"
    pointeuse = Path(sys.executable).with_name("pointeuse")
    commands: list[list[str | Path]] = [
        ["platform", platform],
        ["terminal", state, "--platform", platform],
    ]
    for steps in commands:
        subprocess.run([pointeuse, "provision", *steps], check=True, capture_output=True)
    listener = Listener(tmp_path / "notify")
    with SerialReader(tmp_path / "reader", "rdm6300") as reader:
        config = tmp_path / "agent.toml"
        config.write_text(
            f'[terminal]\nstate = "{state}"\n[uplink]\nhost = "localhost"\nport = 1\n'
            f'[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device}"\n'
        )
        command = [str(pointeuse), "agent", "run", "--config", str(config)]
        env = os.environ | {"NOTIFY_SOCKET": listener.address}
        agent = Process("agent", command, tmp_path / "agent.log", env)
        agent.start()
        said = [listener.next() for _ in range(3)]
        assert "READY=1" in said
        assert "WATCHDOG=1" in said
        agent.stop()
    listener.socket.settimeout(1)
    while (word := listener.next()) != "STOPPING=1":
        assert word == "WATCHDOG=1"
    listener.close()
