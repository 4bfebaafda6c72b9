"""Disks that fill and fail under a real agent: never a green that is not durable, and it recovers.

Each kind of disk gives: red or durable while it fails, an alarm that says so, green again without a
restart once it is well, and in the end every green tap exactly once at the platform.
"""

import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

from hwsim.processes import free_port, run
from hwsim.serial_reader import SerialReader
from hwsim.stack import LONG_AGO, Stack, Terminal
from tests.support import journals
from tests.support.faultydisk import Fault, FaultyDisk
from tests.support.volumes import small_volume
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_UPLINK = "backoff_s = 0.1\nbackoff_limit_s = 0.5\nresend_s = 2.0\ntelemetry_s = 1.0"
_FEEDBACK = "pointeuse.feedback: in: "
_RED = "out-of-order"
_MIB = 1024**2


class Entrance:
    """One terminal with one reader; every badge is presented alone, and what it got is noted."""

    def __init__(self, stack: Stack, terminal: Terminal, reader: SerialReader, seed: int) -> None:
        self.stack, self.terminal, self.reader = stack, terminal, reader
        self.green: list[str] = []
        self.red: list[str] = []
        self._made = seed % 2**24 << 8
        self._online_port = terminal._broker_port

    def start(self, disk: FaultyDisk | None = None, *, online: bool) -> None:
        """Start the agent, on a disk that can fail; without `online` nobody answers it."""
        self.terminal._broker_port = self._online_port if online else free_port()
        self.terminal.configure(
            '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{self.reader.device}"\n',
            uplink=_UPLINK,
            env=disk.environment if disk else None,
        )
        self.terminal.start()
        assert self.reader.opened()

    def stop(self) -> None:
        """End the agent, if it runs."""
        self.terminal.agent.stop()

    def tap(self) -> str:
        """Hold a badge never seen before to the reader; what was shown for it."""
        self._made += 1
        badge = f"{self._made:010X}"
        before = len(self._shown())
        self.reader.present(badge)
        wait_for(lambda: len(self._shown()) > before, f"feedback for badge {badge}")
        shown = self._shown()[before]
        assert shown == _RED or shown.startswith("recorded"), shown
        (self.red if shown == _RED else self.green).append(badge)
        return shown

    def tap_until_green(self) -> None:
        """Hold badges to the reader until one is recorded."""
        wait_for(lambda: self.tap() != _RED, "a badge is recorded again")

    def alarms(self) -> dict[str, str]:
        """What `status` warns of."""
        status = self.terminal.status()
        assert status is not None, self.terminal.agent.last_words()
        alarms: dict[str, str] = status["alarms"]
        return alarms

    def warns(self, alarm: str) -> bool:
        return alarm in self.alarms()

    def check_files(self) -> None:
        """Every green is proved by what is on the disk; nobody runs."""
        proved = journals.taps(self.terminal.state, self.stack.platform)
        assert {badge for badge in self.green if not proved[badge]} == set()

    def check_platform(self) -> None:
        """Every green is registered, once."""
        self.terminal.wait_delivered()
        found: list[str] = []

        def settled() -> bool:
            found[:] = [
                each["badge"]
                for each in self.stack.registrations()
                if each["device"] == self.terminal.device
            ]
            return set(self.green) <= set(found)

        with suppress(AssertionError):  # what is missing says more than that the wait was in vain
            wait_for(settled, "every green is registered", 20)
        # What was red may be there all the same; nothing is there twice, green or red.
        assert sorted(found) == sorted({*self.green, *(set(self.red) & set(found))})

    def _shown(self) -> list[str]:
        """All feedback so far, in order."""
        log = self.terminal.agent.log
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.partition(_FEEDBACK)[2] for line in lines if _FEEDBACK in line]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        stack.prepare()
        stack.start_broker()
        stack.start_ingest()
        stack.start_api()
        yield stack


def _register(stack: Stack, terminal: Terminal) -> None:
    if len(stack.terminals) == 1:  # the company and its site come with the first
        stack.register(terminal)
        return
    run("cloud", "terminal", "add", "--key", terminal.public_key, "--config", stack.settings)
    run(
        "cloud", "terminal", "assign", terminal.device, "--company", "BE 0880.000.034",
        "--division", "Noord", "--site", "Kaai", "--from", LONG_AGO, "--config", stack.settings,
    )  # fmt: skip


Enter = Callable[[str], Entrance]


@pytest.fixture
def enter(stack: Stack, tmp_path: Path, seed: int) -> Iterator[Enter]:
    """Makes an entrance whose terminal is called so; its agent does not run yet."""
    with ExitStack() as cleanup:

        def make(name: str) -> Entrance:
            terminal = stack.add_terminal(name)
            _register(stack, terminal)
            reader = cleanup.enter_context(SerialReader(tmp_path / "reader", "rdm6300"))
            entrance = Entrance(stack, terminal, reader, seed)
            cleanup.callback(entrance.stop)
            return entrance

        yield make


FOR_LONG: list[Fault] = ["enospc", "erofs", "eio-write", "eio-fsync"]
PASSING: list[Fault] = ["enospc", "eio-write", "eio-fsync"]


@pytest.mark.parametrize("fault", FOR_LONG)
def test_a_disk_that_fails_for_long(enter: Enter, tmp_path: Path, seed: int, fault: Fault) -> None:
    after = random.Random(seed).randrange(4)
    print(f"the disk fails after {after} calls")
    entrance = enter(f"long-{fault}")
    disk = FaultyDisk(entrance.terminal.state, tmp_path / "shadow")
    entrance.start(disk, online=True)
    for _ in range(3):
        assert entrance.tap() != _RED

    disk.fails(fault, after=after)
    wait_for(lambda: entrance.tap() == _RED, "taps are refused")  # the first calls still succeed
    assert [entrance.tap() for _ in range(3)] == [_RED] * 3
    assert "cannot-store" in entrance.alarms()

    disk.heals()
    entrance.tap_until_green()
    assert entrance.tap() != _RED
    assert "cannot-store" not in entrance.alarms()
    entrance.terminal.agent.kill()
    disk.power_cut()
    entrance.check_files()
    entrance.start(online=True)
    entrance.tap_until_green()
    entrance.check_platform()


@pytest.mark.parametrize("fault", PASSING)
def test_a_disk_that_fails_once(enter: Enter, tmp_path: Path, seed: int, fault: Fault) -> None:
    after = random.Random(seed).randrange(4)
    print(f"the disk fails after {after} calls")
    entrance = enter(f"once-{fault}")
    disk = FaultyDisk(entrance.terminal.state, tmp_path / "shadow")
    entrance.start(disk, online=False)
    for _ in range(3):
        assert entrance.tap() != _RED
    disk.fails(fault, after=after, times=1)
    while not disk.failed:
        entrance.tap_until_green()
    entrance.tap_until_green()
    if fault != "enospc":
        assert "journal-renewed" in entrance.alarms()
    entrance.terminal.agent.kill()
    disk.power_cut()
    entrance.check_files()
    entrance.start(online=True)
    entrance.tap_until_green()
    entrance.check_platform()


@pytest.mark.parametrize("fault", FOR_LONG)
def test_power_goes_while_the_disk_fails(
    enter: Enter, tmp_path: Path, seed: int, fault: Fault
) -> None:
    after = random.Random(seed).randrange(8)
    print(f"the disk fails after {after} calls")
    entrance = enter(f"cut-{fault}")
    disk = FaultyDisk(entrance.terminal.state, tmp_path / "shadow")
    entrance.start(disk, online=False)
    for _ in range(3):
        assert entrance.tap() != _RED
    disk.fails(fault, after=after)
    wait_for(lambda: entrance.tap() and disk.failed, "the disk fails")
    entrance.tap()
    entrance.terminal.agent.kill()
    disk.power_cut()
    entrance.check_files()


def test_a_volume_that_fills(enter: Enter, stack: Stack) -> None:
    with small_volume(stack.directory / "full" / "state", 4 * _MIB) as state:
        entrance = enter("full")
        filler = state / "filler"
        entrance.start(online=False)
        entrance.tap_until_green()
        for percent, alarm in ((70, "disk-70"), (85, "disk-85")):
            _fill(filler, percent)
            wait_for(partial(entrance.warns, alarm), f"the alarm {alarm}")
        wait_for(lambda: _fill(filler, 100) and entrance.tap() == _RED, "a full disk is refused")
        wait_for(partial(entrance.warns, "disk-95"), "the alarm disk-95")
        assert set(entrance.alarms()) == {
            "disk-95",
            "cannot-store",
        }

        filler.unlink()
        entrance.tap_until_green()
        wait_for(lambda: not entrance.alarms(), "the alarms end")
        _fill(filler, 100)
        for _ in range(5):
            entrance.tap()
        entrance.terminal.agent.kill()
        entrance.check_files()
        filler.unlink()
        # A start on a disk that filled while nobody looked: the ballast is what it opens with.
        entrance.start(online=False)
        wait_for((state / "ballast").exists, "the ballast is taken")
        entrance.stop()  # in order, so that there is no log either
        _fill(filler, 100)
        entrance.start(online=True)
        wait_for(partial(entrance.warns, "disk-95"), "the alarm disk-95")
        filler.unlink()
        entrance.tap_until_green()
        entrance.check_platform()
        entrance.terminal.agent.stop()


def test_a_start_on_a_full_volume_is_red_until_there_is_room(enter: Enter, stack: Stack) -> None:
    with small_volume(stack.directory / "started-full" / "state", 4 * _MIB) as state:
        entrance = enter("started-full")
        filler = state / "filler"
        _fill(filler, 100)  # before it ever had a journal, or a ballast
        entrance.start(online=False)
        assert [entrance.tap() for _ in range(2)] == [_RED] * 2
        assert "full" in entrance.alarms()["cannot-store"]
        process = entrance.terminal.agent.pid
        filler.unlink()
        entrance.tap_until_green()
        wait_for(lambda: not entrance.alarms(), "the alarms end")
        assert entrance.terminal.agent.pid == process

        entrance.stop()
        (state / "ballast").unlink()
        _fill(filler, 100)
        entrance.start(online=False)  # with a journal, and nothing to open it with
        assert entrance.tap() == _RED
        entrance.stop()  # it can be told to
        filler.unlink()
        entrance.start(online=True)
        entrance.tap_until_green()
        entrance.check_platform()
        assert not list(state.glob("*.damaged-*"))
        entrance.terminal.agent.stop()


def test_a_volume_that_is_read_only_is_refused_in_one_line(enter: Enter, stack: Stack) -> None:
    with small_volume(stack.directory / "read-only" / "state", 4 * _MIB) as state:
        entrance = enter("read-only")
        entrance.start(online=True)
        entrance.tap_until_green()
        entrance.terminal.agent.stop()
        subprocess.run(["mount", "-o", "remount,ro", state], check=True)
        done = subprocess.run(
            entrance.terminal.command, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,rw", state], check=True)
        entrance.start(online=True)
        entrance.tap_until_green()
        entrance.check_platform()
        entrance.terminal.agent.stop()


def _fill(filler: Path, percent: int) -> bool:
    """Let `filler` grow until so much of its volume is used; always true."""
    used, free = _df(filler.parent)
    more = (used + free) * percent // 100 - used
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while more > 0:
            more -= file.write(bytes(min(more, 4096)))
    return True


def _df(path: Path) -> tuple[int, int]:
    said = subprocess.run(
        ["df", "--output=used,avail", "--block-size=1", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    used, free = said.stdout.split("\n")[1].split()
    return int(used), int(free)
