"""The live demonstration: workers keep coming until somebody stops it."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

from hwsim.demo.entrances import Entrances
from hwsim.demo.logins import open_accounts, table
from hwsim.demo.setting import set_stage
from hwsim.demo.world import World

PAUSE_S = (0.4, 2.5)
"""Between two taps, in seconds: enough to read the page, not enough to fall asleep."""


def run_live(
    directory: Path,
    world: World,
    seed: int,
    stop: threading.Event,
    reader: str | None,
    say: Callable[[str], None],
) -> None:
    """Start everything, say where the page is, and present badges until `stop`.

    With `reader`, the first terminal has that piece of hardware, and nobody else taps.
    """
    chance = random.Random(seed)
    with set_stage(directory, world, reader) as stage:
        password = open_accounts(stage.stack, world)
        say(
            f"\n  {stage.stack.url}\n\n  Log in with the password {password} as\n{table(world)}\n\n"
            "Registrations arrive there as workers tap. Ctrl-C stops it."
        )
        while not stop.wait(chance.uniform(*PAUSE_S)):
            if reader is None:
                _anybody(chance, world, stage.entrances)


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
