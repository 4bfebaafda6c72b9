"""One terminal with every reader, its agent and a platform: what is recorded is read there."""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hwsim.chaos.platform import Database
from hwsim.errors import SimulatorError
from hwsim.lineup.badges import ACCEPTED, KEYS, PROFILES
from hwsim.lineup.outcomes import Outcome, recorded, refused
from hwsim.lineup.stations import OSDP_KEY, OSDP_KEY_NAME, Presentation, Station, plugged_in
from hwsim.panel.screen import Screen
from hwsim.processes import Process, run, wait_for
from hwsim.stack import Stack, Terminal

_PATIENCE_S = 15.0
_GREEN = "green"
_ASKING = threading.Lock()
_REGISTERED = """
    SELECT r.reader, b.profile, b.number, r.assurance, r.flags
    FROM registrations r JOIN badges b ON b.id = r.badge_id ORDER BY r.seq
"""


@dataclass(frozen=True)
class Trial:
    """One badge at one reader."""

    family: str
    badge: str
    expected: Outcome
    found: Outcome
    ms: float
    """From the moment it was held there until the worker was told."""

    @property
    def good(self) -> bool:
        """Whether it is what it must be."""
        return self.found == self.expected


@dataclass(frozen=True)
class _Seen:
    """What a worker was told; what was recorded is not known yet."""

    presentation: Presentation
    refusal: Outcome | None
    ms: float


@dataclass(frozen=True)
class Entrance:
    """A terminal that has every reader, and what stands behind it."""

    stack: Stack
    terminal: Terminal
    stations: list[Station]
    screen: Screen


@contextlib.contextmanager
def entrance(say: Callable[[str], None]) -> Iterator[Entrance]:
    """Everything, running: broker, platform and a terminal whose readers are ready.

    Raises SimulatorError.
    """
    today = date.today()  # noqa: DTZ011 - as on a badge: no time zone
    say("broker, platform, readers and a terminal start")
    with (
        tempfile.TemporaryDirectory(prefix="pointeuse-readers-") as name,
        Screen() as screen,
        plugged_in(Path(name), today) as readers,
        Stack(Path(name) / "stack") as stack,
    ):
        terminal = _terminal(stack, readers.stations, readers.environment, screen)
        wait_for(lambda: _ready(terminal), "not every reader is ready")
        yield Entrance(stack, terminal, readers.stations, screen)


def trials(say: Callable[[str], None]) -> list[Trial]:
    """Hold every badge to every reader that has a field for it. Raises SimulatorError.

    `say` is told of the progress.
    """
    with entrance(say) as at:
        with ThreadPoolExecutor(len(at.stations)) as pool:
            told = pool.map(lambda each: _at(each, at.terminal, at.screen, say), at.stations)
            at_each = {
                station.family: seen for station, seen in zip(at.stations, told, strict=True)
            }
        at.terminal.wait_delivered()
        every = [seen for at_one in at_each.values() for seen in at_one]
        rows = _registered(Database(at.stack.database), sum(seen.refusal is None for seen in every))
    return [trial for family, seen in at_each.items() for trial in _trials(family, seen, rows)]


def _terminal(
    stack: Stack, stations: list[Station], environment: dict[str, str], screen: Screen
) -> Terminal:
    stack.prepare()
    stack.start_broker()
    stack.start_ingest()
    terminal = stack.add_terminal("lineup")
    profiles = terminal.directory / "profiles.d"
    profiles.mkdir()
    for name, text in PROFILES.items():
        (profiles / f"{name}.toml").write_text(text)
    accepted = ", ".join(f'"{name}"' for name in ACCEPTED)
    badges = f'[badges]\nprofiles = "{profiles}"\naccept = [{accepted}]\n'
    terminal.configure(
        badges + "".join(station.table for station in stations), gate="debounce_s = 0.0"
    )
    config = terminal.directory / "agent.toml"
    for name, key in {**KEYS, OSDP_KEY_NAME: OSDP_KEY}.items():
        run("agent", "credentials", "set", name, "--config", config, given=key.hex())
    stack.register(terminal)
    terminal.agent = Process(
        "agent",
        [*terminal.command, "--show", "--verbose"],
        terminal.directory / "agent.log",
        environment,
        stdout=screen.stdout,
    )
    terminal.start()
    return terminal


def _ready(terminal: Terminal) -> bool:
    status = _status(terminal)
    return status["uplink"]["state"] == "online" and all(
        reader["state"] == "ready" for reader in status["readers"].values()
    )


def _status(terminal: Terminal) -> dict[str, Any]:
    """One asker at a time: only a few may wait at the agent's socket."""
    found: list[dict[str, Any]] = []

    def answered() -> bool:
        with _ASKING:
            status = terminal.status()
        if status is not None:
            found.append(status)
        return bool(found)

    wait_for(answered, f"the agent does not answer: {terminal.agent.last_words()}", _PATIENCE_S)
    return found[0]


def _at(
    station: Station, terminal: Terminal, screen: Screen, say: Callable[[str], None]
) -> list[_Seen]:
    """Every badge in turn at one reader."""
    seen = []
    for each in station.presentations:
        time.sleep(station.apart_s)
        seen.append(_held(station.family, each, terminal, screen))
    say(f"{station.family}: {len(seen)} badges")
    return seen


def _held(family: str, presentation: Presentation, terminal: Terminal, screen: Screen) -> _Seen:
    before = _refusals(terminal, family)
    last = screen.count()
    begun = time.perf_counter()
    with presentation.hold():
        line = screen.wait(family, last, _PATIENCE_S)
        ms = (time.perf_counter() - begun) * 1000
    if line is None:
        return _Seen(presentation, refused("not seen"), ms)
    if line.colour == _GREEN:
        return _Seen(presentation, None, ms)
    after = _refusals(terminal, family)
    reasons = [reason for reason, count in after.items() if count > before.get(reason, 0)]
    return _Seen(presentation, refused(" and ".join(sorted(reasons))), ms)


def _refusals(terminal: Terminal, family: str) -> dict[str, int]:
    counts: dict[str, int] = _status(terminal)["unreadable"].get(family, {})
    return counts


def _registered(database: Database, count: int) -> dict[str, list[Outcome]]:
    """What the platform registered, in the order of the taps, by reader."""
    rows: list[Any] = []

    def registered() -> bool:
        with database.open() as conn:
            rows[:] = conn.execute(_REGISTERED).fetchall()
        return len(rows) >= count

    # With fewer or others than there should be, that is what is to be shown.
    with contextlib.suppress(SimulatorError):
        wait_for(registered, "not every tap was registered", _PATIENCE_S)
    found: dict[str, list[Outcome]] = {}
    for reader, profile, number, assurance, flags in rows:
        found.setdefault(reader, []).append(recorded(profile, number, assurance, flags))
    return found


def _trials(family: str, seen: list[_Seen], rows: dict[str, list[Outcome]]) -> Iterator[Trial]:
    registered = iter(rows.get(family, []))
    for each in seen:
        found = each.refusal or next(registered, refused("not registered"))
        presentation = each.presentation
        yield Trial(family, presentation.badge, presentation.outcome, found, round(each.ms, 1))
