"""Live traffic of a thousand terminals, a record at a time, into custody, registered and receipted.

Each terminal sends its next record when it has the receipt of the last. What they send was signed
and sealed before the clock starts. The clock stops when the last receipt has come and the last
registration is made. The floor is a process that takes the same messages through the same broker
with the same client, inserts the same rows, and understands nothing. Wherever other work takes the
processors meanwhile, `cpu_us` compares the two better: what a record takes of them, part by part.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, func, select, text

from bench import ingest_load
from bench.ingest_floor import Floor, Known
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
from protocol.seals import SealingKey
from tests.cloud.terminal import NOW_MS, FakeTerminal

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
        (sealing, *_) = sealing_keys(stack.platform)
        known, made = enrolled(engine, sealing, count)
        told = root / "known.json"
        told.write_bytes(msgspec.json.encode(known))
        first, rest = root / "first", root / "rest"
        first.write_bytes(pickle.dumps(_packets(made, lambda t: [t.batch(1, 2)])))
        singly = _packets(made, lambda t: [t.batch(seq, seq) for seq in range(3, t.head + 1)])
        rest.write_bytes(pickle.dumps(singly))
        broker = stack.start_broker()
        wait_for(lambda: listens(plain), "the broker does not listen")
        total = count * EACH
        parts = {"mosquitto": [broker], "postgresql": [cluster.process]}
        found, cpu_us = {}, {}
        for name, flags in (("mosquitto", ["--no-rows"]), ("floor", [])):
            _say(f"sending {total:,} records: {name}")
            with ExitStack() as entered:
                floors = [
                    entered.enter_context(_floor(stack, told, root, [f"--worker={number}", *flags]))
                    for number in range(1, PROCESSES + 1)
                ]
                _load(plain, first)
                before = _cpu_s(parts | {"floor": floors})
                loaded = _load(plain, rest)
                found[name] = total / loaded["taken_s"]
                used = _cpu_s(parts | {"floor": floors}, before) | {"load": loaded["cpu_s"]}
                cpu_us[name] = _each(used, total)
        _emptied(engine)
        _say(f"inserting {total:,} records: postgresql")
        found["postgresql"] = total / _inserted(engine, known, singly)
        _emptied(engine)
        _say(f"sending {total:,} records: ingest")
        ingests = [stack.start_ingest(number) for number in range(1, PROCESSES + 1)]
        _load(plain, first)
        before = _cpu_s(parts | {"ingest": ingests})
        begun = time.monotonic()
        loaded = _load(plain, rest)
        wait_for(lambda: _registered(engine) >= total, "not all is registered", 600)
        taken = time.monotonic() - begun
        used = _cpu_s(parts | {"ingest": ingests}, before) | {"load": loaded["cpu_s"]}
        cpu_us["ingest"] = _each(used, total)
        engine.dispose()
    return {
        "per_s": round(total / taken),
        "floor_per_s": round(found["floor"]),
        "mosquitto_per_s": round(found["mosquitto"]),
        "postgresql_per_s": round(found["postgresql"]),
        "share_of_floor": round(total / taken / found["floor"], 2),
        "receipted_per_s": round(total / loaded["taken_s"]),
        "share_of_cpu": {name: round(s / sum(used.values()), 2) for name, s in used.items()},
        "cpu_us": cpu_us,
    }


def enrolled(engine: Engine, platform: SealingKey, count: int) -> tuple[Known, list[FakeTerminal]]:
    """Terminals at one site, with their records, and what a registration names."""
    with engine.begin() as conn:
        company = companies.register(conn, "BE0403019261", "Bouwwerken")
        division = companies.put_division(conn, company, "Noord")
        site = companies.put_site(conn, division, "Kaai")
        numbers = [f"{number:010X}" for number in range(WORKERS)]
        people = []
        for number in numbers:
            worker = workers.put_worker(conn, company, number, "Ann", "Maes")
            badge = workers.put_badge(conn, "em4100", number)
            workers.link_badge(conn, badge, worker)
            people.append((badge, worker))
        made = []
        for index in range(count):
            terminal = FakeTerminal(platform=platform)
            key = terminals.register(conn, terminal.key.public)
            terminals.assign(conn, key, site, 0)
            for tap in range(EACH):
                terminal.tap(numbers[(index * EACH + tap) % WORKERS])
            made.append(terminal)
    return Known(people, company, division, site, NOW_MS), made


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
def _floor(stack: Stack, known: Path, root: Path, flags: list[str]) -> Iterator[Process]:
    log = root / f"floor{flags[0]}.log"
    log.unlink(missing_ok=True)
    place = [str(stack.broker_port), str(stack.platform), str(known)]
    process = Process(
        "floor",
        [sys.executable, "-m", "bench.ingest_floor", *place, *flags],
        log,
        {"BENCH_DATABASE": stack.database},
    )
    process.start()
    try:
        process.wait_ready(lambda: b"ready" in log.read_bytes())
        yield process
    finally:
        process.stop()


def _inserted(engine: Engine, known: Known, packets: Mapping[str, list[bytes]]) -> float:
    """Seconds it takes to insert the rows of all packets, in groups, with nobody else there."""
    floor = Floor(known, 9_000_000)
    waiting = [
        Incoming(name, "records", packet)
        for each in zip(*packets.values(), strict=True)
        for name, packet in zip(packets, each, strict=True)
    ]
    begun = time.monotonic()
    for start in range(0, len(waiting), GROUP):
        floor.write(engine, waiting[start : start + GROUP])
    return time.monotonic() - begun


def _emptied(engine: Engine) -> None:
    """Take away what a floor wrote, so that nobody else has it to look through or to clean up."""
    with engine.begin() as conn:
        # Corrections name registrations, and refuse to go; there are none.
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        conn.execute(text("TRUNCATE registrations, records, heads CASCADE"))


def _registered(engine: Engine) -> int:
    with engine.connect() as conn:
        query = select(func.count()).select_from(registrations)
        return conn.execute(query.where(registrations.c.worker_id.is_not(None))).scalar_one()


def _cpu_s(
    parts: Mapping[str, Sequence[Process]], since: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Processor time of processes and their children, in seconds (proc(5), stat)."""
    ticks: dict[int, int] = Counter()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid, parent, *used = int(path.parent.name), int(fields[1]), *map(int, fields[11:15])
        # Its own, and that of children it has waited for: they are gone.
        ticks[pid] += sum(used)
        ticks[parent] += used[0] + used[1]
    return {
        name: sum(ticks[each.pid] for each in processes) / _TICKS - (since or {}).get(name, 0.0)
        for name, processes in parts.items()
    }


def _each(used: Mapping[str, float], count: int) -> dict[str, int]:
    """Microseconds of a processor for each record, and all parts together."""
    found = {name: round(s / count * 1e6) for name, s in used.items()}
    return found | {"all": sum(found.values())}


def _say(what: str) -> None:
    print(f"- {what}", file=sys.stderr, flush=True)
