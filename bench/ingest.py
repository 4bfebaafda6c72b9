"""Live traffic of a thousand terminals, a record at a time, into custody, registered and receipted.

Each terminal sends its next record when it has the receipt of the last. What they send was signed
and sealed before the clock starts. The clock stops when the last receipt has come and the last
registration is made. The floor is a process that takes the same messages through the same broker
with the same client, inserts the same rows, and understands nothing.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from bench import ingest_load
from bench.ingest_floor import Floor
from cloud import db
from cloud.companies import service as companies
from cloud.ingest.messages import Incoming
from cloud.ingest.service import GROUP
from cloud.registrations.tables import registrations
from cloud.sealing import sealing_keys
from cloud.terminals import service as terminals
from cloud.workers import service as workers
from hwsim.postgresql import Cluster
from hwsim.processes import Process, free_port, listens, wait_for
from hwsim.stack import Stack
from tests.cloud.terminal import FakeTerminal

TERMINALS = 1000
EACH = 30
"""Taps of each terminal."""
WORKERS = 500
PROCESSES = 2
"""Of ingest, and of the floor: one for each core."""
_TICKS = os.sysconf("SC_CLK_TCK")


def run(scale: float = 1.0) -> dict[str, Any]:
    """Records a second of ours and of the floors; `scale` is of the terminals."""
    count = max(10, int(TERMINALS * scale))
    cluster = Cluster({"shared_buffers": "256MB"})
    try:
        with tempfile.TemporaryDirectory(prefix="bench-ingest-", dir="/tmp") as root:
            return _measured(Path(root), cluster, count)
    finally:
        cluster.stop()


def _measured(root: Path, cluster: Cluster, count: int) -> dict[str, Any]:
    database = cluster.url(cluster.database())
    with Stack(root / "stack", database=database, ingests=PROCESSES) as stack:
        stack.prepare()
        plain = free_port()
        config = stack.platform / "mosquitto.conf"
        # The load speaks without TLS and for all terminals at once; what is measured does not.
        with config.open("a") as file:
            file.write(f"\nlistener {plain} 127.0.0.1\nallow_anonymous true\nmax_qos 1\n")
        engine = db.writer_engine(stack.database)
        _say(f"enrolling {count} terminals, and signing {count * EACH:,} records")
        badge, made = _enrolled(engine, stack, count)
        first, rest = root / "first", root / "rest"
        first.write_bytes(pickle.dumps(_packets(made, lambda t: [t.batch(1, 2)])))
        singly = _packets(made, lambda t: [t.batch(seq, seq) for seq in range(3, t.head + 1)])
        rest.write_bytes(pickle.dumps(singly))
        broker = stack.start_broker()
        wait_for(lambda: listens(plain), "the broker does not listen")
        total = count * EACH
        found = {}
        for name, flags in (("mosquitto", ["--no-rows"]), ("floor", [])):
            _say(f"sending {total:,} records: {name}")
            with ExitStack() as floors:
                for number in range(1, PROCESSES + 1):
                    floors.enter_context(_floor(stack, badge, root, [f"--worker={number}", *flags]))
                _load(plain, first)
                found[name] = total / _load(plain, rest)["taken_s"]
        _say(f"inserting {total:,} records: postgresql")
        found["postgresql"] = total / _inserted(engine, badge, singly)
        _say(f"sending {total:,} records: ingest")
        ingests = [stack.start_ingest(number) for number in range(1, PROCESSES + 1)]
        _load(plain, first)
        parts = {"mosquitto": [broker], "postgresql": [cluster.process], "ingest": ingests}
        before = {name: _cpu_s(processes) for name, processes in parts.items()}
        begun = time.monotonic()
        loaded = _load(plain, rest)
        wait_for(lambda: _registered(engine) >= total, "not all is registered", 600)
        taken = time.monotonic() - begun
        used = {name: _cpu_s(each) - before[name] for name, each in parts.items()}
        used["load"] = loaded["cpu_s"]
        engine.dispose()
    return {
        "per_s": round(total / taken),
        "floor_per_s": round(found["floor"]),
        "mosquitto_per_s": round(found["mosquitto"]),
        "postgresql_per_s": round(found["postgresql"]),
        "share_of_floor": round(total / taken / found["floor"], 2),
        "receipted_per_s": round(total / loaded["taken_s"]),
        "share_of_cpu": {name: round(s / sum(used.values()), 2) for name, s in used.items()},
    }


def _enrolled(engine: Engine, stack: Stack, count: int) -> tuple[int, list[FakeTerminal]]:
    """Terminals at one site, with their records, and the id of a badge nobody uses."""
    (platform, *_) = sealing_keys(stack.platform)
    with engine.begin() as conn:
        company = companies.register(conn, "BE0403019261", "Bouwwerken")
        division = companies.put_division(conn, company, "Noord")
        site = companies.put_site(conn, division, "Kaai")
        numbers = [f"{number:010X}" for number in range(WORKERS)]
        for number in numbers:
            worker = workers.put_worker(conn, company, number, "Ann", "Maes")
            workers.link_badge(conn, workers.put_badge(conn, "em4100", number), worker)
        spare = workers.put_badge(conn, "em4100", "FFFFFFFFFF")
        made = []
        for index in range(count):
            terminal = FakeTerminal(platform=platform)
            key = terminals.register(conn, terminal.key.public)
            terminals.assign(conn, key, site, 0)
            for tap in range(EACH):
                terminal.tap(numbers[(index * EACH + tap) % WORKERS])
            made.append(terminal)
    return spare, made


def _packets(made: list[FakeTerminal], batches: Any) -> dict[str, list[bytes]]:
    """The packets of each device; identifiers repeat only long after they were acknowledged."""
    identifiers = (1 + number % 60_000 for number in range(10**9))
    return {
        terminal.device: [
            ingest_load.publish(terminal.device, "records", batch, next(identifiers))
            for batch in batches(terminal)
        ]
        for terminal in made
    }


def _load(port: int, file: Path) -> dict[str, float]:
    """Send what is in a file; how long it took, and the processor's time the load took itself."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "bench.ingest_load", str(port), str(file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    after = os.times()
    said: dict[str, float] = json.loads(done.stdout)
    used = after.children_user + after.children_system
    return said | {"cpu_s": used - before.children_user - before.children_system}


@contextmanager
def _floor(stack: Stack, badge: int, root: Path, flags: list[str]) -> Iterator[None]:
    log = root / f"floor{flags[0]}.log"
    log.unlink(missing_ok=True)
    place = [str(stack.broker_port), str(stack.platform), str(badge)]
    process = Process(
        "floor",
        [sys.executable, "-m", "bench.ingest_floor", *place, *flags],
        log,
        {"BENCH_DATABASE": stack.database},
    )
    process.start()
    try:
        process.wait_ready(lambda: b"ready" in log.read_bytes())
        yield
    finally:
        process.stop()


def _inserted(engine: Engine, badge: int, packets: Mapping[str, list[bytes]]) -> float:
    """Seconds it takes to insert the rows of all packets, in groups, with nobody else there."""
    floor = Floor(badge, 9_000_000)
    waiting = [
        Incoming(name, "records", packet)
        for each in zip(*packets.values(), strict=True)
        for name, packet in zip(packets, each, strict=True)
    ]
    begun = time.monotonic()
    for start in range(0, len(waiting), GROUP):
        floor.write(engine, waiting[start : start + GROUP])
    taken = time.monotonic() - begun
    with engine.begin() as conn:
        conn.execute(registrations.delete())
    return taken


def _registered(engine: Engine) -> int:
    with engine.connect() as conn:
        query = select(func.count()).select_from(registrations)
        return conn.execute(query.where(registrations.c.worker_id.is_not(None))).scalar_one()


def _cpu_s(processes: Sequence[Process]) -> float:
    """Processor time of processes and their children, in seconds (proc(5), stat)."""
    found, pids = 0, {process.pid for process in processes}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(path.parent.name) in pids or int(fields[1]) in pids:
            found += int(fields[11]) + int(fields[12])
    return found / _TICKS


def _say(what: str) -> None:
    print(f"- {what}", file=sys.stderr, flush=True)
