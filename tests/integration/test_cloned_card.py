"""A terminal's storage card is copied, and both run: two agents of one key, one epoch, one name."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hwsim.errors import SimulatorError
from hwsim.processes import run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_UPLINK = "backoff_s = 0.1\nbackoff_limit_s = 0.5\nresend_s = 2.0\ntelemetry_s = 1.0"


class Cards:
    """A platform, the terminal that is enrolled there, and copies of it."""

    def __init__(self, stack: Stack, home: Path, closing: ExitStack) -> None:
        self.stack, self._home, self._closing = stack, home, closing
        self.readers: dict[str, SerialReader] = {}
        self.made = 0
        stack.prepare()
        self.original = self._equipped("original")
        stack.register(self.original)
        self.broker = stack.start_broker()
        self.ingest = stack.start_ingest()
        self.api = stack.start_api()
        self.start(self.original)

    def copy(self, name: str) -> Terminal:
        """Copy the card as it is now, its agent running or not; that of the copy does not."""
        # A socket is no file: a copier leaves it out.
        left_out = shutil.ignore_patterns("*.sock")
        shutil.copytree(self.original.state, self.stack.directory / name / "state", ignore=left_out)
        return self._equipped(name)

    def start(self, terminal: Terminal) -> None:
        terminal.start()
        assert self.readers[terminal.name].opened()

    def tap(self, terminal: Terminal, count: int) -> None:
        """Hold badges never seen before to a terminal's reader, until each is green."""
        before = self.green(terminal)
        for _ in range(count):
            self.made += 1
            self.readers[terminal.name].present(f"{self.made:010X}")
        wait_for(lambda: self.green(terminal) >= before + count, f"{terminal.name} is not green")

    def green(self, terminal: Terminal) -> int:
        return terminal.agent.log.read_text().count("pointeuse.feedback: in: recorded")

    def registered_are(self, wanted: set[int]) -> None:
        """These taps and no others are registered, each once."""
        self.stack.wait_settled(len(wanted))
        found = sorted(int(each["badge"], 16) for each in self.stack.registrations())
        assert found == sorted(wanted)

    def all_are_registered(self) -> None:
        self.registered_are(set(range(1, self.made + 1)))

    def alarms(self, kind: str) -> list[str]:
        items: list[dict[str, Any]] = self.stack.get("/v1/alarms")["items"]
        return [alarm["detail"] for alarm in items if alarm["kind"] == kind]

    def cloud(self, *words: str) -> str:
        return run("cloud", *words, "--config", self.stack.settings)

    def branches(self) -> list[dict[str, Any]]:
        said = self.cloud("terminal", "branches", self.original.device, "--json")
        found: list[dict[str, Any]] = json.loads(said)
        return found

    def resolve(self, branch: dict[str, Any], choice: str) -> str:
        """What becomes of a branch."""
        words = ["--epoch", branch["name"], "--branch", str(branch["branch"]), choice]
        self.cloud("terminal", "resolve-branch", self.original.device, *words)
        (found,) = (each for each in self.branches() if each["name"] == branch["name"])
        return str(found["state"])

    def _equipped(self, name: str) -> Terminal:
        reader = SerialReader(self._home / name, "rdm6300")
        self._closing.enter_context(reader)
        self.readers[name] = reader
        terminal = self.stack.add_terminal(name)
        terminal.configure(
            '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device}"\n',
            uplink=_UPLINK,
        )
        return terminal


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Cards]:
    with Stack(tmp_path / "stack") as stack, ExitStack() as closing:
        yield Cards(stack, tmp_path, closing)


def test_one_after_the_other(cards: Cards) -> None:
    """Copied while it stands still with taps nobody holds yet; each then goes its own way."""
    original = cards.original
    cards.tap(original, 3)
    original.wait_delivered()
    cards.ingest.stop()
    cards.tap(original, 3)
    original.agent.stop()
    clone = cards.copy("clone")
    cards.start(original)
    cards.tap(original, 4)
    cards.ingest.start()
    original.wait_delivered()
    original.agent.stop()

    cards.start(clone)
    cards.tap(clone, 4)
    clone.wait_delivered()
    cards.all_are_registered()
    assert "epoch-closed" in (clone.status() or {})["alarms"]
    clone.agent.stop()

    # The clone is in an epoch of its own now; the original notices nothing.
    cards.start(original)
    cards.tap(original, 3)
    original.wait_delivered()
    cards.all_are_registered()
    assert cards.branches() == []
    assert len({each["epoch"] for each in cards.stack.registrations()}) == 2


def test_both_at_once_on_one_name(cards: Cards) -> None:
    """Copied while it runs; the broker lets each take the connection of the other."""
    original = cards.original
    cards.tap(original, 6)
    clone = cards.copy("clone")
    cards.tap(original, 2)
    cards.start(clone)
    for _ in range(4):
        cards.tap(original, 2)
        cards.tap(clone, 2)
    taken = "already connected, closing old connection"
    wait_for(lambda: taken in cards.broker.log.read_text(), "nobody takes over")
    original.agent.stop()
    clone.wait_delivered()
    clone.agent.stop()
    cards.start(original)
    original.wait_delivered()
    for branch in cards.branches():
        cards.resolve(branch, "--attribute")
    cards.all_are_registered()
    for terminal in (original, clone):
        assert "Traceback" not in terminal.agent.log.read_text()


def test_a_branch_is_kept_and_a_person_decides(cards: Cards, tmp_path: Path) -> None:
    """The platform forgets what the original delivered, and hears from the clone first."""
    original = cards.original
    cards.tap(original, 3)
    original.wait_delivered()
    cards.stack.wait_settled(3)
    original.agent.stop()
    clone = cards.copy("clone")
    cards.cloud("backup", "--out", str(tmp_path / "saved"))
    cards.start(original)
    cards.tap(original, 5)
    original.wait_delivered()
    original.agent.stop()
    cards.ingest.stop()
    cards.api.stop()
    cards.cloud("restore", "--force", str(tmp_path / "saved"))
    cards.ingest.start()
    cards.stack.start_api()

    cards.start(clone)
    cards.tap(clone, 4)
    clone.wait_delivered()
    clone.agent.stop()
    cards.start(original)
    cards.tap(original, 2)
    original.wait_delivered()
    wait_for(lambda: bool(cards.alarms("fork")), "nobody is told of two chains")

    branched = set(range(4, 9))
    cards.registered_are(set(range(1, 15)) - branched)
    (branch,) = cards.branches()
    assert (branch["branch"], branch["state"]) == (1, "open")
    (alarm,) = cards.alarms("fork")
    assert alarm.startswith(f"two chains of epoch {branch['name'][:8]} from seq {branch['first']}")

    assert cards.resolve(branch, "--dismiss") == "dismissed"
    assert cards.alarms("fork") == []
    cards.tap(original, 1)
    cards.registered_are(set(range(1, 16)) - branched)

    assert cards.resolve(branch, "--attribute") == "attributed"
    cards.registered_are(set(range(1, 16)))
    with pytest.raises(SimulatorError, match="is attributed: its registrations stay"):
        cards.resolve(branch, "--dismiss")
