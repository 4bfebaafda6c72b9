"""Many terminals that lost one broker at the same instant, and how they come back.

Each draws its delays from the agent's own back-off. The broker is away for a while, and then
accepts so many connections a second; who comes too many is turned away, and waits again. Beside it
the same without jitter: every terminal waits the whole delay, and all come together each time.
"""

import heapq
import math
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.uplink.backoff import STABLE_S, Backoff
from hwsim.errors import SimulatorError

_LIMIT_S = 300.0
"""The agent's `backoff_limit_s` unless configured otherwise."""
_ATTEMPT_S = 1.0
"""How long an attempt takes that fails."""
_ENOUGH = 0.99
_SHOWN_S = 1200


@dataclass(frozen=True, slots=True)
class Outage:
    """What happened: `terminals` lost a broker for `outage_s`; then it takes `accepts` a second.

    `backoff_s` is how each terminal is configured.
    """

    terminals: int
    outage_s: float
    accepts: int
    backoff_s: float = 1.0


@dataclass(slots=True)
class Return:
    """How they came back: by whole seconds since the broker was lost."""

    arrivals: Counter[int] = field(default_factory=Counter)
    accepted: Counter[int] = field(default_factory=Counter)

    def peak(self, since_s: float) -> int:
        """Most arrivals in one second, from `since_s` on."""
        return max((n for second, n in self.arrivals.items() if second >= since_s), default=0)

    def until(self, count: int) -> int:
        """Seconds until so many were accepted."""
        total = 0
        for second in sorted(self.accepted):
            total += self.accepted[second]
            if total >= count:
                return second + 1
        raise SimulatorError(f"only {total} terminals came back, not {count}")


class _WholeDelay(random.Random):
    """No jitter: always the top of the range."""

    def uniform(self, a: float, b: float) -> float:
        """`b`."""
        return max(a, b)


def simulate(outage: Outage, draw: random.Random) -> Return:
    """Every terminal's attempts until all are back. Delays come from `draw`."""
    found = Return()
    backoffs = [Backoff(outage.backoff_s, _LIMIT_S, draw) for _ in range(outage.terminals)]
    # They were connected for long, so the first delay is the shortest.
    coming = [(backoff.next(STABLE_S), number) for number, backoff in enumerate(backoffs)]
    heapq.heapify(coming)
    while coming:
        at_s, number = heapq.heappop(coming)
        second = int(at_s)
        found.arrivals[second] += 1
        if at_s >= outage.outage_s and found.accepted[second] < outage.accepts:
            found.accepted[second] += 1
        else:
            delay = backoffs[number].next(_ATTEMPT_S)
            heapq.heappush(coming, (at_s + _ATTEMPT_S + delay, number))
    return found


def compare(outage: Outage, seed: int) -> tuple[Return, Return]:
    """With jitter, and without."""
    return (
        simulate(outage, random.Random(f"reconnect {seed}")),
        simulate(outage, _WholeDelay()),
    )


def report(outage: Outage, seed: int, returns: tuple[Return, Return]) -> dict[str, Any]:
    """Figures of both; times in seconds since the broker was back."""
    enough = math.ceil(outage.terminals * _ENOUGH)

    def figures(found: Return) -> dict[str, int]:
        return {
            "peak_arrivals_per_s": found.peak(outage.outage_s),
            "back_99_percent_s": round(found.until(enough) - outage.outage_s),
            "attempts": sum(found.arrivals.values()),
        }

    return {
        "terminals": outage.terminals,
        "seed": seed,
        "outage_s": outage.outage_s,
        "accepts_per_s": outage.accepts,
        "backoff_s": outage.backoff_s,
        "jitter": figures(returns[0]),
        "no_jitter": figures(returns[1]),
    }


def plot(path: Path, outage: Outage, seed: int, returns: tuple[Return, Return]) -> None:
    """Draw both into an SVG, the same bytes for the same figures. Raises SimulatorError."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SimulatorError(
            "drawing needs matplotlib, which is not installed; pip install matplotlib, or leave"
            " --plot out"
        ) from error
    # Ids in an SVG are drawn at random, and its date is today's, unless one says otherwise.
    with mpl.rc_context({"svg.hashsalt": "reconnect", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        end = int(outage.outage_s) + _SHOWN_S
        for found, label, colour in (
            (returns[1], "whole delay, no jitter", "tab:red"),
            (returns[0], "full jitter", "tab:blue"),
        ):
            seconds = [second for second in sorted(found.arrivals) if second < end]
            above.vlines(
                seconds, 0.7, [found.arrivals[s] for s in seconds], colour, label=label, lw=0.6
            )
            back, total = [], 0
            for second in range(end):
                total += found.accepted[second]
                back.append(100 * total / outage.terminals)
            below.plot(range(end), back, colour, label=label)
        above.axhline(outage.accepts, color="black", ls=":", label="the broker accepts")
        above.set(yscale="log", ylim=(0.7, 2 * outage.terminals), ylabel="arrivals a second")
        below.set(ylabel="terminals back, %", xlabel="seconds since the broker was lost")
        below.axvspan(0, outage.outage_s, color="lightgrey", label="the broker is away")
        above.set_title(
            f"{outage.terminals:,} terminals lose their broker for {outage.outage_s:g} s"
            f" (seed {seed})"
        )
        above.legend(loc="upper right")
        below.legend(loc="center right")
        try:
            figure.savefig(path, format="svg", metadata={"Date": None})
        except OSError as error:
            raise SimulatorError(f"cannot write {path}: {error.strerror}") from error
