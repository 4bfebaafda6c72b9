"""An entrance: what the agent's log says becomes the fate of the right badge."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import serial

from hwsim.chaos.entrance import FIRST, Entrance
from hwsim.chaos.tally import Fate, Tally
from hwsim.serial_reader import rdm6300_frame

TAPS = 20


class Agent:
    """Its log and whether it lives, without a process."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "agent.log"
        self.lives = 1

    def say(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text)

    def running(self) -> bool:
        return True

    def start(self) -> None:
        self.lives += 1

    def kill(self) -> None:
        self.say("INFO pointeuse.feedback: r1: reco")


class Gate:
    """An entrance with one reader, and its thread."""

    def __init__(self, directory: Path) -> None:
        self.agent = Agent(directory)
        terminal: Any = SimpleNamespace(name="t1", directory=directory, agent=self.agent)
        self.tally = Tally(TAPS)
        self.entrance = Entrance(terminal, 1, self.tally)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.entrance.run, args=(self.stop,))
        self.thread.start()

    def port(self) -> serial.Serial:
        return serial.Serial(str(self.agent.log.parent / "reader-1"), timeout=20)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.stop.set()
    gate.thread.join()
    gate.entrance.close()


def frames(badges: range) -> bytes:
    return b"".join(rdm6300_frame(f"{FIRST + badge:010X}") for badge in badges)


def test_answers_in_the_log_are_the_fates_of_badges_in_their_order(gate: Gate) -> None:
    with gate.port() as port:
        assert port.read(14 * TAPS) == frames(range(TAPS))
        gate.agent.say("INFO pointeuse: ready: device X\n")
        gate.agent.say("INFO pointeuse.feedback: r1: recorded\n" * 3)
        gate.agent.say("INFO pointeuse.uplink: records 5 to 9 are sent again\n")
        gate.agent.say("INFO pointeuse.feedback: r1: recorded-offline\n" * (TAPS - 3))
        gate.thread.join(20)
    assert not gate.thread.is_alive()
    assert gate.tally.count(Fate.GREEN) == TAPS
    assert gate.entrance.resends == 5


def test_what_had_no_whole_line_as_the_agent_died_is_in_doubt_and_never_tapped_again(
    gate: Gate,
) -> None:
    with gate.port() as port:
        assert port.read(14 * TAPS) == frames(range(TAPS))
        gate.agent.say("INFO pointeuse.feedback: r1: recorded\n" * 7)
        gate.entrance.kill()
    gate.entrance.revive()
    # What the next life says first stands behind half a line of the one before.
    gate.agent.say("INFO pointeuse: ready: device X\n")
    gate.thread.join(20)
    assert not gate.thread.is_alive()
    assert list(gate.tally.fates) == [Fate.GREEN] * 7 + [Fate.MAYBE] * (TAPS - 7)
    assert gate.agent.lives == 2
    with gate.port() as port:
        port.timeout = 0.2
        assert port.read(1) == b""
