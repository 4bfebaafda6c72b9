"""A campaign: taps while everything fails, then peace, and a count of every tap."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim.chaos.killer import Killer
from hwsim.chaos.tally import Fate, Findings, compare
from hwsim.chaos.world import Plan, World
from hwsim.errors import SimulatorError
from hwsim.processes import wait_for

Say = Callable[[str], None]
_SAY_S = 5.0
_STUCK_S = 120.0
"""No tap becomes green for so long: something is stuck."""
_LOOK_S = 0.1
LEAST_IN_STORM = 0.1
"""Of all taps, the part that has to reach the platform while things fail."""
_ENOUGH = 0.3
"""When so much has, the storm ends: the rest is for the peace to be tried on."""
_STORM_S = 10.0
"""It ends so long after the last tap, and later the more taps there were, if less has."""
_LONGEST = 4
"""It goes on for so many times as long, on a slow machine, until LEAST_IN_STORM has."""
_TAPS_PER_S = 1000


@dataclass(frozen=True)
class Result:
    """What was found, and what it took."""

    plan: Plan
    findings: Findings
    odd: Mapping[str, int]
    kills: Mapping[str, int]
    ends: Mapping[str, int]
    faults: Mapping[str, int]
    cuts: int
    connections: int
    resends: int
    came_again: int
    delivered_in_storm: int
    tapping_s: float
    drain_s: float
    settled_s: float

    @property
    def good(self) -> bool:
        """Whether every tap is where it belongs, nothing is left aside, and it proves something."""
        return self.findings.good and not any(self.odd.values()) and self.proves

    @property
    def proves(self) -> bool:
        """Whether enough was delivered while things failed: what waits for peace proves little."""
        return self.delivered_in_storm >= LEAST_IN_STORM * self.plan.taps

    def as_json(self) -> dict[str, Any]:
        """One object."""
        found = self.findings
        return {
            "seed": self.plan.seed,
            "database": self.plan.database,
            "taps": found.green + found.maybe,
            "green": found.green,
            "maybe": found.maybe,
            "maybe_registered": found.maybe_registered,
            "lost": found.lost,
            "duplicates": found.duplicates,
            "invented": found.invented,
            **self.odd,
            "kills": sum(self.kills.values()),
            "kills_of": dict(sorted(self.kills.items())),
            "ended_by_themselves": dict(sorted(self.ends.items())),
            "connections": self.connections,
            "cuts": self.cuts,
            "faults": dict(sorted(self.faults.items())),
            "resends": self.resends,
            "came_again": self.came_again,
            "delivered_in_storm": self.delivered_in_storm,
            "tapping_s": round(self.tapping_s, 1),
            "drain_s": round(self.drain_s, 1),
            "settled_s": round(self.settled_s, 1),
            "taps_per_s": round((found.green + found.maybe) / self.tapping_s),
        }


def play(
    plan: Plan,
    say: Say,
    *,
    keep: Path | None = None,
    env: Mapping[str, str] | None = None,
    before_count: Callable[[World], None] = lambda _: None,
) -> Result:
    """Play a campaign. Raises SimulatorError when something is stuck.

    `env` is added to the agents' environment; `before_count` is called when all is at rest.
    """
    say("database, broker, ingest and terminals start")
    with World(plan, keep=keep, env=env or {}) as world:
        victims = world.victims
        with Killer(victims, plan.seed, every_s=plan.kill_every_s, longest_s=plan.dead_s) as killer:
            watch = _Watch()
            world.proxy.storm()
            _tap(world, killer, say)
            tapping_s = watch.lap()
            delivered_in_storm = _deliver_in_storm(world, say)
            say("peace: all faults end, whoever is dead comes back, and the terminals deliver")
            world.proxy.calm()
            killer.calm()
            for entrance in world.entrances:
                entrance.terminal.wait_delivered(60 + plan.taps / 200)
            drain_s = watch.lap()
            wait_for(world.database.settled, "the platform is not done", 60 + plan.taps / 200)
            settled_s = watch.lap()
        if killer.errors:
            raise killer.errors[0]
        before_count(world)
        findings = compare(world.tally.fates, world.database.badges())
        result = Result(
            plan=plan,
            findings=findings,
            odd=world.database.odd(),
            kills=killer.kills,
            ends=killer.ends,
            faults=world.proxy.struck,
            cuts=world.proxy.cuts,
            connections=world.proxy.connections,
            resends=sum(entrance.resends for entrance in world.entrances),
            came_again=world.came_again(),
            delivered_in_storm=delivered_in_storm,
            tapping_s=tapping_s,
            drain_s=drain_s,
            settled_s=settled_s,
        )
        world.good = result.good
        return result


def _tap(world: World, killer: Killer, say: Say) -> None:
    """Hold every badge to a reader, and wait until each has an answer or none comes."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=entrance.run, args=(stop,), name=entrance.name)
        for entrance in world.entrances
    ]
    for thread in threads:
        thread.start()
    try:
        progress = _Progress(world, killer, say)
        while any(thread.is_alive() for thread in threads):
            time.sleep(_LOOK_S)
            progress.look()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _deliver_in_storm(world: World, say: Say) -> int:
    """Let the storm go on over the terminals' delivery; how many taps have reached the platform."""
    say("no more taps; the terminals deliver, and the storm goes on")
    began, taps = time.monotonic(), world.plan.taps
    while True:
        held, lasted_s = world.database.taps(), time.monotonic() - began
        longest_s = _STORM_S + taps / _TAPS_PER_S
        if held < LEAST_IN_STORM * taps:
            longest_s *= _LONGEST
        if held >= _ENOUGH * taps or lasted_s > longest_s:
            return held
        time.sleep(_LOOK_S)


class _Progress:
    """Says now and then how far it is, and notices when it goes on no more."""

    def __init__(self, world: World, killer: Killer, say: Say) -> None:
        self._world, self._killer, self._say = world, killer, say
        self._said_at = self._moved_at = time.monotonic()
        self._done = 0

    def look(self) -> None:
        """To be called often. Raises SimulatorError when no tap became green for long."""
        if self._killer.errors:
            raise self._killer.errors[0]
        now = time.monotonic()
        if now - self._said_at < _SAY_S:
            return
        self._said_at = now
        tally = self._world.tally
        done = tally.count(Fate.GREEN) + tally.count(Fate.MAYBE)
        if done > self._done:
            self._done, self._moved_at = done, now
        kills, cuts = sum(self._killer.kills.values()), self._world.proxy.cuts
        self._say(f"{done:,} of {len(tally.fates):,} taps, {kills} kills, {cuts} cuts")
        if now - self._moved_at > _STUCK_S:
            raise SimulatorError(f"no tap was answered for {_STUCK_S:g} s; see the agents' logs")


class _Watch:
    """Seconds since the last lap."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def lap(self) -> float:
        before, self._at = self._at, time.monotonic()
        return self._at - before
