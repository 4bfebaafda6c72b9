"""From a badge that is there to a badge identified, for each family of readers.

The reader is the agent's own, in its thread; its hardware is simulated in the same process, and
what the simulation takes is part of the whole. `ours` is what is not spent inside the transport's
calls (bench/reader_meter.py). The floor is the bare transport that carries as many frames of the
same lengths between ends that do nothing; readings and floor take turns.

Over PC/SC a badge is there when pcscd says so: it looks at a virtual slot every 0.4 s.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from agent.badges.credentials import Credentials, Secret
from agent.badges.identify import Identifier
from agent.badges.setting import Badges, identifier, known
from agent.readers import open_reader
from bench.reader_meter import Meter
from bench.reader_rigs import OSDP_KEY, RIGS, Rig
from bench.statistics import percentile
from hwsim.desfire.badges import CONSTRUBADGE
from hwsim.lineup.trial import entrance
from protocol.bodies import Sync, Time

READINGS = 100
_FIRST = 1000
_WARM = 3
_IDLE_S = 10.0
_SETTLE_S = 3.0
_OF_THE_PROCESS = 2
"""Of its clocks, the one of all its threads as they were scheduled."""


def run(scale: float = 1.0) -> dict[str, Any]:
    """Measure all families, and an agent that has them all and no badge."""
    count, idle_s = max(4, round(READINGS * scale)), max(0.5, _IDLE_S * scale)
    with tempfile.TemporaryDirectory(prefix="bench-readers-") as directory:
        state = Path(directory)
        credentials = Credentials(state)
        for name, key in (("read", CONSTRUBADGE.read_key), ("get-uid", bytes(16))):
            credentials.set(f"{CONSTRUBADGE.name}.{name}", Secret(key))
        credentials.set("osdp", Secret(OSDP_KEY))
        badges = Badges(profiles=str(state / "none"))
        identifies = identifier(badges, known(badges, credentials), _now, lambda _: None)
        found = {}
        for family, plugged in RIGS.items():
            print(f"- {family}", file=sys.stderr, flush=True)
            with plugged(state) as rig:
                found[family] = _family(rig, identifies, state, count, idle_s)
    print("- an agent with all of them, and no badge", file=sys.stderr, flush=True)
    return {"readers": found, "idle_cpu_percent": _idle(idle_s)}


def _now() -> Time:
    return Time(time.time_ns() // 1_000_000, b"", 0, Sync.SYNCHRONISED, 0)


def _family(
    rig: Rig, identifies: Identifier, state: Path, count: int, idle_s: float
) -> dict[str, Any]:
    meter, stop = Meter(), threading.Event()
    with rig.wrapped(meter):
        reader = open_reader(rig.config, identifies, state)
        thread = threading.Thread(target=reader.run, args=(meter.emit, stop), daemon=True)
        thread.start()
        try:
            meter.wait_ready()
            idle = _idle_thread(thread, idle_s)
            for number in range(_WARM):
                _reading(rig, meter, _FIRST + number)
            floor = rig.floor(meter)
            try:
                times = [
                    (*_reading(rig, meter, _FIRST + number), floor.once())
                    for number in range(_WARM, _WARM + count)
                ]
            finally:
                floor.close()
        finally:
            stop.set()
            thread.join()
    whole, ours, floors = (round(percentile(column, 95), 3) for column in zip(*times, strict=True))
    return {
        "p95_ms": whole,
        "ours_p95_ms": ours,
        "floor_p95_ms": floors,
        "apdus": rig.apdus(meter),
        "idle_percent": idle,
    }


def _reading(rig: Rig, meter: Meter, number: int) -> tuple[float, float]:
    meter.begin()
    with rig.hold(number):
        return meter.read()


def _idle_thread(thread: threading.Thread, seconds: float) -> float:
    """Percent of a core that a reader's thread takes while no badge is there."""
    if thread.ident is None:
        raise RuntimeError("the reader did not start")
    clock = time.pthread_getcpuclockid(thread.ident)
    begun, before = time.monotonic(), time.clock_gettime(clock)
    time.sleep(seconds)
    spent = time.clock_gettime(clock) - before
    return round(spent / (time.monotonic() - begun) * 100, 3)


def _idle(seconds: float) -> float:
    """Percent of a core that an agent takes which has one reader of each family, and no badge."""
    with entrance(lambda _: None) as at:
        time.sleep(min(_SETTLE_S, seconds))
        begun, before = time.monotonic(), _spent(at.terminal.agent.pid)
        time.sleep(seconds)
        spent = _spent(at.terminal.agent.pid) - before
        return round(spent / (time.monotonic() - begun) * 100, 2)


def _spent(pid: int) -> float:
    """Seconds of processor time, its own and the kernel's for it.

    By its clock (clock_getcpuclockid(3)), to the nanosecond: proc(5) tells it rounded to 10 ms,
    twice, which is 0.2 % of ten seconds.
    """
    return time.clock_gettime(~pid << 3 | _OF_THE_PROCESS)
