"""The journal as a queue, beside other persistent queues and the floor, on one disk in one run.

Ours is the whole tap: from handing it to the gate, sealed, chained, signed, committed, to green.
The peers store as many octets as they are given. All take turns, a few puts each, in an order
drawn anew each round, so that a disk that slows down slows all of them. See `bench.peers` for how
the peers are made to flush, and `bench.floors` for the floor, which is that of `bench tap`.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.crowd import Crowd
from bench.floors import Floor, RawFloor
from bench.peers import PEERS, Put
from bench.statistics import percentile
from bench.terminal import BenchTerminal

ROUNDS = 400
PER_ROUND = 5
WARM_UP = 1500
"""Puts before the first round: SQLite's logs reach the length from which on they are reused."""
DEPTHS = (0, 10_000, 1_000_000)
READERS = 20
CROWD_ROUNDS = 9
CROWD_S = 1.0
_WEIGHED = 5000
"""Records from which on the file's fixed parts no longer matter."""


def run(scale: float = 1.0) -> dict[str, Any]:
    """Measure; milliseconds, puts a second, octets. `scale` below 1 makes it quicker."""
    with tempfile.TemporaryDirectory(prefix="bench-queue-", dir=Path.cwd()) as directory:
        return _measure(Path(directory), scale)


def _measure(root: Path, scale: float) -> dict[str, Any]:
    depths: dict[str, BenchTerminal] = {}
    ours = BenchTerminal(_directory(root, "ours"))
    try:
        for depth in DEPTHS:
            records = round(depth * scale)
            _say(f"filling a journal with {records:,} records")
            depths[str(records)] = BenchTerminal(_directory(root, f"depth-{depth}"), records)
        return _compare(root, scale, ours, depths)
    finally:
        for terminal in (ours, *depths.values()):
            terminal.close()


def _compare(
    root: Path, scale: float, ours: BenchTerminal, depths: dict[str, BenchTerminal]
) -> dict[str, Any]:
    row = ours.record()
    record = b"".join(row)
    floor = Floor(root / "floor.sqlite", ours.key(), row)
    least = Floor(root / "least.sqlite", ours.key(), row, written_over=True)
    raw = RawFloor(root / "floor.raw", record)
    peers = {peer.name: peer(_directory(root, peer.name)) for peer in PEERS}
    turns: dict[str, Callable[[], float]] = {
        "floor": floor.once,
        "least": least.once,
        "raw": raw.once,
        "ours": ours.once,
        **{f"depth {depth}": terminal.once for depth, terminal in depths.items()},
        **{name: _timed(peer.writer(), record) for name, peer in peers.items()},
    }
    rounds = max(2, round(ROUNDS * scale))
    _say(f"one at a time, {rounds} rounds of {PER_ROUND}")
    for turn in turns.values():
        for _ in range(round(WARM_UP * scale)):
            turn()
    for terminal in (ours, *depths.values()):
        terminal.settle()
    times = _alternate(turns, rounds)
    raw_ms, floor_ms = percentile(times["raw"], 50), percentile(times["floor"], 50)
    _say(f"raw write and fdatasync {raw_ms:.3f} ms, floor {floor_ms:.3f} ms at p50")
    crowd_rounds = max(1, round(CROWD_ROUNDS * scale))
    _say(f"a crowd of {READERS}, {crowd_rounds} rounds")
    writers: dict[str, Callable[[], Put]] = {"ours": ours.tapper}
    writers |= {name: peer.writer for name, peer in peers.items()}
    rates = _crowds(writers, record, crowd_rounds, max(0.05, CROWD_S * scale))
    for each in (floor, least, raw, *peers.values()):
        each.close()
    return {
        "floor": {
            "p50_ms": _ms(times["floor"], 50),
            "written_over_p50_ms": _ms(times["least"], 50),
        },
        "ours": {
            "p50_ms": _ms(times["ours"], 50),
            "p99_ms": _ms(times["ours"], 99),
            "crowd_per_s": rates["ours"],
        },
        "peers": {
            name: {"p50_ms": _ms(times[name], 50), "crowd_per_s": rates[name]} for name in peers
        },
        "depth": {
            depth: _depth(times[f"depth {depth}"], int(depth), terminal)
            for depth, terminal in depths.items()
        },
    }


def _depth(times: list[float], records: int, terminal: BenchTerminal) -> dict[str, float]:
    found = {"p50_ms": _ms(times, 50)}
    if records >= _WEIGHED:
        found["bytes_per_record"] = round(terminal.size / records, 1)
    return found


def _alternate(turns: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each contestant's milliseconds, over rounds in which all take their turn."""
    draw = random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in turns}
    names = list(turns)
    for _ in range(rounds):
        draw.shuffle(names)
        for name in names:
            times[name] += [turns[name]() for _ in range(PER_ROUND)]
    return times


def _crowds(
    writers: dict[str, Callable[[], Put]], record: bytes, rounds: int, seconds: float
) -> dict[str, int]:
    """Puts a second of each contestant: the median of rounds in which all take their turn."""
    rates: dict[str, list[float]] = {name: [] for name in writers}
    with ExitStack() as stack:
        crowds = {
            name: stack.enter_context(Crowd(READERS, writer, record))
            for name, writer in writers.items()
        }
        for _ in range(rounds):
            for name, crowd in crowds.items():
                rates[name].append(crowd.rate(seconds))
    return {name: round(percentile(found, 50)) for name, found in rates.items()}


def _timed(put: Put, record: bytes) -> Callable[[], float]:
    def once() -> float:
        begun = time.perf_counter_ns()
        put(record)
        return (time.perf_counter_ns() - begun) / 1e6

    return once


def _directory(root: Path, name: str) -> Path:
    path = root / name
    path.mkdir()
    return path


def _ms(times: list[float], percent: float) -> float:
    return round(percentile(times, percent), 3)


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
