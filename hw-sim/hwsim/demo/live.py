"""The live demonstration: workers keep coming until somebody stops it."""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hwsim.command_line import say
from hwsim.demo.entrances import HARDWARE, Entrance, Entrances
from hwsim.demo.logins import open_accounts, table
from hwsim.demo.setting import set_stage
from hwsim.demo.world import World
from hwsim.left_behind import alone

PAUSE_S = (0.4, 2.5)
"""Between two taps, in seconds: enough to read the page, not enough to fall asleep."""
_LOOK_S = 0.3


def run_live(
    directory: Path, world: World, seed: int, reader: str | None, announce: Callable[[str], None]
) -> None:
    """Start everything, `announce` where the page is, and present badges until interrupted.

    With `reader`, the first terminal has that piece of hardware, and nobody else taps.
    Raises SimulatorError.
    """
    with alone(directory) as left:
        if left:
            say(f"{left} processes of an earlier demonstration were still running, and are ended")
        with set_stage(directory, world, say, reader) as stage:
            say("accounts are made, one for each role")
            password = open_accounts(stage.stack, world)
            what = "as workers tap" if reader is None else "as you hold badges to your reader"
            announce(
                f"\n  {stage.stack.url}\n\n  Log in with the password {password} as\n"
                f"{table(world)}\n\nRegistrations arrive there {what}. Ctrl-C stops it."
            )
            with contextlib.suppress(KeyboardInterrupt):
                if reader is None:
                    _crowd(random.Random(seed), world, stage.entrances)
                else:
                    _follow(stage.entrances.tags)
            say("stopping everything")


def _crowd(chance: random.Random, world: World, entrances: Entrances) -> None:
    """Workers who tap, for ever."""
    while True:
        time.sleep(chance.uniform(*PAUSE_S))
        _anybody(chance, world, entrances)


def _follow(entrance: Entrance) -> None:
    """Say what becomes of a real reader and of what is held to it, for ever."""
    told = Told(say)
    while True:
        told.look(entrance.terminal.status())
        time.sleep(_LOOK_S)


class Told:
    """What was said last of a real reader."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._state = ""
        self._taps: int | None = None
        self._unreadable: dict[str, int] = {}

    def look(self, status: dict[str, Any] | None) -> None:
        """Say what is new in an agent's `status`, which is None when it does not answer."""
        if status is None:
            return
        reader = status["readers"].get(HARDWARE, {})
        state = f"your reader is {reader.get('state', 'not there yet')}: {reader.get('detail', '')}"
        if state != self._state:
            self._state = state
            self._say(state)
        taps, unreadable = status["counts"].get("taps", 0), status["unreadable"].get(HARDWARE, {})
        if self._taps is not None and taps > self._taps:
            self._say("a badge was recorded: it is on the page")
        for reason, count in unreadable.items():
            if count > self._unreadable.get(reason, 0):
                self._say(f"something was held to it that gave no number: {reason}")
        self._taps, self._unreadable = taps, dict(unreadable)


def _anybody(chance: random.Random, world: World, entrances: Entrances) -> None:
    """One worker, a stranger now and then, or something that cannot be read."""
    draw = chance.random()
    reader = chance.choice(["in", "out"])
    if draw < 0.04:
        entrances.codes.present(reader, chance.choice(world.strangers))
    elif draw < 0.07:
        badge = chance.choice(world.of_profile("em4100")).badge
        entrances.tags.serial[reader].device.wrong_checksum(badge.number)
    elif draw < 0.10:
        entrances.tags.present(reader, chance.choice(world.newcomers).badge)
    elif draw < 0.25:
        entrance = chance.choice(entrances.more)
        entrance.present(reader, chance.choice(world.of_profile("em4100")).badge)
    elif draw < 0.55:
        entrances.tags.present(reader, chance.choice(world.of_profile("em4100")).badge)
    elif draw < 0.85:
        entrances.codes.present(reader, chance.choice(world.of_profile("printed")).badge)
    else:
        entrances.tap_card(chance.choice(world.of_profile("uid")).badge)
