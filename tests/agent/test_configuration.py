"""Configuration: what is believed comes into force at once, and nothing else ever does."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent import config
from agent.configuration import FILE, NUMBER, Configurations
from agent.gate import Gate
from agent.reads import Feedback
from agent.trust_store import TrustStore
from protocol.badges import Flag
from protocol.bodies import Body
from protocol.configuration import Configuration
from protocol.configured import Configured
from protocol.errors import ProtocolError
from protocol.keys import SigningKey
from protocol.roster import Roster
from protocol.seals import SealingKey
from protocol.trust import Trust
from tests.agent.terminal import Screen, Terminal, read

_BADGE = "0000000001"


@dataclass
class Platform:
    """Who signs for one terminal."""

    state: Path
    root: SigningKey = field(default_factory=SigningKey.generate)
    config: SigningKey = field(default_factory=SigningKey.generate)
    mine: SealingKey = field(default_factory=SealingKey.generate)
    number: int = 0

    def trust(self, *revoked: SigningKey) -> bytes:
        self.number += 1
        public = self.root.public
        recipient = SealingKey.generate().public
        gone = [key.public.thumbprint for key in revoked]
        return Trust(
            self.number, 0, [public], 1, [public], [self.config.public], [recipient], (), gone
        ).sign([self.root])

    def enrol(self) -> None:
        (self.state / "trust").mkdir()
        (self.state / "trust" / "1.cbor").write_bytes(self.trust())

    def sign(
        self,
        terminal: bytes,
        number: int,
        toml: str = "",
        blocked: Roster | None = None,
        *,
        key: SigningKey | None = None,
        body: bytes | None = None,
    ) -> bytes:
        said = Configured(toml, blocked).encode() if body is None else body
        found = Configuration(terminal, number, said)
        return found.sign(key or self.config, self.mine.public)


class Running:
    """A gate in its thread, and what configures it."""

    def __init__(self, terminal: Terminal, platform: Platform) -> None:
        self.terminal, self.screen = terminal, Screen()
        self.me = terminal.recorder.terminal
        self.gate = Gate(terminal.journal, terminal.recorder, terminal.telemetry, self.screen)
        self.trust = TrustStore(terminal.state, platform.mine)
        own = config.Gate(debounce_s=9.0)
        self.configurations = Configurations(terminal.state, self.trust, self.gate, own)
        self.configurations.start()
        self.thread = threading.Thread(target=self.gate.run)
        self.thread.start()

    def stop(self) -> None:
        self.gate.stop()
        self.thread.join()

    def refusals(self) -> tuple[int, str]:
        said = self.terminal.telemetry.snapshot({})
        counted = said["counts"].get("refused_configurations", 0)
        return counted, said["alarms"].get("configuration-refused", "")


class House:
    """One terminal, started again and again."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal, self.platform = terminal, Platform(terminal.state)
        self.platform.enrol()
        self.running = Running(terminal, self.platform)

    def restart(self) -> Running:
        self.running.stop()
        self.terminal.restart()
        self.terminal.telemetry = type(self.terminal.telemetry)("DEVICE", self.terminal.state)
        self.running = Running(self.terminal, self.platform)
        return self.running


@pytest.fixture
def house(terminal: Terminal) -> Iterator[House]:
    house = House(terminal)
    yield house
    house.running.stop()


def blocked(*numbers: str) -> Roster:
    return Roster.of(("em4100", number) for number in numbers)


def test_it_is_in_force_at_once_and_after_a_restart(house: House) -> None:
    running = house.running
    assert running.configurations.told() == {
        "number": 0, "least_assurance": None, "debounce_s": 9.0, "blocked": 0,
    }  # fmt: skip
    toml = '[gate]\nleast_assurance = "read"\ndebounce_s = 0.0\n'
    message = house.platform.sign(running.me, 7, toml, blocked(_BADGE))
    assert running.configurations.receive(message)
    assert not running.configurations.receive(message)
    for again in (False, True):
        if again:
            running = house.restart()
        assert running.configurations.number == 7
        assert running.configurations.told() == {
            "number": 7, "least_assurance": "read", "debounce_s": 0.0, "blocked": 1,
        }  # fmt: skip
        running.gate.emit(read(_BADGE))
        running.gate.ask(lambda: None)
        assert running.screen.shown == [("gate", Feedback.RECORDED_BUT)]
        assert running.screen.told == [Flag.BLOCKED | Flag.LOW_ASSURANCE]
        assert running.refusals() == (0, "")


def test_records_name_the_configuration_in_force(house: House) -> None:
    running = house.running
    assert running.configurations.receive(house.platform.sign(running.me, 7))
    running.gate.emit(read(_BADGE))
    running.gate.ask(lambda: house.terminal.recorder.new_epoch("a test"))
    journal = house.terminal.journal
    first, second = journal.epochs()
    rows = [*journal.rows(first.ordinal, 1, 9), *journal.rows(second.ordinal, 1, 9)]
    assert [Body.decode(row.body).config_version for row in rows] == [None, 7, 7, 7]


def test_what_stays_is_encrypted(house: House) -> None:
    running = house.running
    message = house.platform.sign(running.me, 1, "# a word of the office's\n")
    assert running.configurations.receive(message)
    kept = (house.terminal.state / FILE).read_bytes()
    assert kept == message
    assert b"a word of the office's" not in kept


def wrong(house: House) -> dict[str, tuple[bytes, str]]:
    platform, me = house.platform, house.running.me
    stranger = SigningKey.generate()
    other = Platform(house.terminal.state, config=platform.config)
    good = platform.sign(me, 9)
    return {
        "older": (platform.sign(me, 4), "configuration 4 is too old: 5 or a later one"),
        "another terminal's": (platform.sign(b"?" * 32, 9), "for another terminal"),
        "a stranger's": (platform.sign(me, 9, key=stranger), "key"),
        "for another key": (other.sign(me, 9), "does not open it"),
        "damaged": (good[:-1] + bytes([good[-1] ^ 1]), "not signed by"),
        "no CBOR": (b"\xff", "COSE_Sign1"),
        "no TOML": (platform.sign(me, 9, "[gate"), "not TOML"),
        "a list too deep": (platform.sign(me, 9, "a=" + "[" * 8000), "not TOML"),
        "a number too long": (platform.sign(me, 9, "a=" + "9" * 8000), "not TOML"),
        "an unknown setting": (platform.sign(me, 9, "[lamp]\n"), "lamp"),
        "a wrong value": (platform.sign(me, 9, "[gate]\ndebounce_s = -1.0\n"), "debounce_s"),
        "no body": (platform.sign(me, 9, body=b"\x01"), "is not a map"),
    }


@pytest.mark.parametrize(
    "name",
    ["older", "another terminal's", "a stranger's", "for another key", "damaged", "no CBOR",
     "no TOML", "a list too deep", "a number too long", "an unknown setting", "a wrong value",
     "no body"],
)  # fmt: skip
def test_a_bad_one_changes_nothing_and_is_told(house: House, name: str) -> None:
    running = house.running
    assert running.configurations.receive(house.platform.sign(running.me, 5, "", blocked(_BADGE)))
    message, why = wrong(house)[name]
    before = running.configurations.told()
    with pytest.raises(ProtocolError, match=why):
        running.configurations.receive(message)
    assert running.configurations.told() == before
    counted, told = running.refusals()
    assert counted == 1
    assert why in told
    running = house.restart()
    assert running.configurations.number == 5
    running.gate.emit(read(_BADGE))
    running.gate.ask(lambda: None)
    assert running.screen.told == [Flag.BLOCKED]
    assert running.configurations.receive(house.platform.sign(running.me, 6))
    assert running.refusals() == (0, "")


def test_the_number_never_falls_though_the_file_does(house: House) -> None:
    me = house.running.me
    path = house.terminal.state / FILE
    assert house.running.configurations.receive(house.platform.sign(me, 1))
    old = path.read_bytes()
    newest = house.platform.sign(me, 2, "", blocked(_BADGE))
    assert house.running.configurations.receive(newest)
    path.write_bytes(old)
    running = house.restart()
    assert running.configurations.number == 0
    assert "configuration 1 is too old: 2 or a later one" in running.refusals()[1]
    with pytest.raises(ProtocolError):
        running.configurations.receive(old)
    # The platform, told that none is in force, sends the newest again: that one is good.
    again = house.platform.sign(me, 2, "", blocked(_BADGE))
    assert running.configurations.receive(again)
    assert running.configurations.told()["blocked"] == 1
    path.unlink()
    running = house.restart()
    assert "is gone" in running.refusals()[1]
    with pytest.raises(ProtocolError):
        running.configurations.receive(old)


def test_the_number_never_falls_though_the_journal_is_begun_anew(house: House) -> None:
    running = house.running
    assert running.configurations.receive(house.platform.sign(running.me, 3))

    def break_and_renew() -> None:
        house.terminal.journal.distrust("a test")
        assert running.gate.upkeep.renew()

    running.gate.ask(break_and_renew)
    assert running.gate.ask(lambda: house.terminal.journal.number(NUMBER)) == 3
    running = house.restart()
    with pytest.raises(ProtocolError, match="too old: 3 or a later"):
        running.configurations.receive(house.platform.sign(running.me, 2))


def test_a_cut_between_file_and_journal_is_made_good(house: House) -> None:
    running = house.running
    assert running.configurations.receive(house.platform.sign(running.me, 3))
    running.gate.ask(lambda: house.terminal.journal.set_fact(NUMBER, b"2"))
    running = house.restart()
    assert running.configurations.number == 3
    assert running.gate.ask(lambda: house.terminal.journal.number(NUMBER)) == 3


def test_the_newest_sealed_again_is_nothing_new(house: House) -> None:
    running = house.running
    assert running.configurations.receive(house.platform.sign(running.me, 3))
    assert not running.configurations.receive(house.platform.sign(running.me, 3, "[gate]\n"))
    assert running.refusals() == (0, "")


def test_the_keys_of_the_trust_in_force_sign(house: House) -> None:
    platform, running = house.platform, house.running
    first = platform.config
    assert running.configurations.receive(platform.sign(running.me, 1))
    platform.config = SigningKey.generate()
    early = platform.sign(running.me, 2)
    with pytest.raises(ProtocolError):
        running.configurations.receive(early)
    running.trust.follow(platform.trust())
    assert running.configurations.receive(early)
    with pytest.raises(ProtocolError):
        running.configurations.receive(platform.sign(running.me, 3, key=first))
    # What was adopted under a key outlives it, unless the key is revoked.
    signer, platform.config = platform.config, SigningKey.generate()
    running.trust.follow(platform.trust())
    running = house.restart()
    assert running.configurations.number == 2
    running.trust.follow(platform.trust(signer))
    running = house.restart()
    assert running.configurations.number == 0
    assert "cannot be believed" in running.refusals()[1]


def test_a_disk_that_is_full_keeps_the_old_one_and_the_session(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = house.running
    assert running.configurations.receive(house.platform.sign(running.me, 1))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent.configuration.write_durably", full)
    assert not running.configurations.receive(house.platform.sign(running.me, 2))
    assert running.configurations.number == 1
    assert "No space left" in running.refusals()[1]
    monkeypatch.undo()
    assert running.configurations.receive(house.platform.sign(running.me, 2))
    assert running.refusals()[1] == ""
