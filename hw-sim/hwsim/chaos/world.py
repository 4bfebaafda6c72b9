"""The whole of Pointeuse with the proxy between its parts, and who in it may be killed."""

import contextlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hwsim.chaos.entrance import Entrance
from hwsim.chaos.faults import Weather
from hwsim.chaos.killer import Victim
from hwsim.chaos.platform import Database
from hwsim.chaos.proxy import Proxy
from hwsim.chaos.tally import Tally
from hwsim.postgresql import Cluster
from hwsim.processes import Process
from hwsim.stack import LONG_AGO, Stack

_UPLINK = "backoff_s = 0.05\nbackoff_limit_s = 0.5\nresend_s = 1.0\ntelemetry_s = 5.0"
"""Else a run would be spent waiting for the next attempt."""
_AGENTS = Weather(latest=10_000_000)
_PLATFORM = Weather(latest=10_000_000)
"""Ingest backs off for seconds: struck as often as the agents are, it would hardly be there."""
_DATABASE = Weather(latest=10_000_000, sealed=False)
_HASTE = {"autovacuum_naptime": "1s"}
"""A server killed every few seconds would never come to look at what its tables have become."""
_SITE = {"company": "BE 0880.000.034", "division": "Noord", "site": "Kaai"}
_AGAIN = re.compile(rb"INFO pointeuse\.ingest: ([0-9]+) records are known already")


@dataclass(frozen=True)
class Plan:
    """How large a world, and how rough."""

    taps: int
    seed: int
    terminals: int = 3
    readers: int = 4
    """Of each terminal."""
    ingests: int = 2
    database: str = "postgresql"
    """Or "sqlite", which has one ingest."""
    rate: float = 1500.0
    """Taps in a second at most, at all readers together."""
    kill_every_s: float = 1.5
    """Somebody is killed so often on average."""
    dead_s: float = 3.0
    """And stays dead for at most so long."""


class World:
    """Everything, running and connected through the proxy. Use it in a `with` block."""

    def __init__(self, plan: Plan, *, keep: Path | None, env: Mapping[str, str]) -> None:
        """`keep`: where to leave everything, unless `good` is set by then.

        `env` is added to the agents' environment. Raises SimulatorError.
        """
        self.plan, self.good, self._keep = plan, False, keep
        self.tally = Tally(plan.taps, plan.rate)
        self.victims: list[Victim] = []
        self.entrances: list[Entrance] = []
        with contextlib.ExitStack() as made:
            self.directory = Path(
                made.enter_context(tempfile.TemporaryDirectory(prefix="pointeuse-chaos-"))
            )
            made.callback(self._keep_files)
            self.proxy = made.enter_context(Proxy(plan.seed))
            database = self._start_database(made)
            self.stack = made.enter_context(
                Stack(
                    self.directory / "stack",
                    database=database,
                    ingests=plan.ingests if database else 1,
                )
            )
            self.database = self._database or Database(self.stack.database)
            self._start(made, env)
            self._resources = made.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            self._keep = None
        self._resources.close()

    def came_again(self) -> int:
        """Records that reached the platform when it held them already."""
        logs = self.stack.directory.glob("ingest*.log")
        return sum(int(count) for log in logs for count in _AGAIN.findall(log.read_bytes()))

    def _start_database(self, made: contextlib.ExitStack) -> str | None:
        """The URL for the platform; None for a SQLite file of its own."""
        self._database: Database | None = None
        if self.plan.database == "sqlite":
            return None
        cluster = Cluster(_HASTE)

        def stop() -> None:
            cluster.stop(None if self.good or self._keep is None else self.directory / "postgresql")

        made.callback(stop)
        name = cluster.database()
        self._database = Database(cluster.url(name))
        self._add("postgresql", cluster.process)
        port = self.proxy.link("ingest-postgresql", cluster.port, _DATABASE)
        return cluster.url(name, port)

    def _start(self, made: contextlib.ExitStack, env: Mapping[str, str]) -> None:
        stack = self.stack
        for who, weather in (("agents", _AGENTS), ("platform", _PLATFORM)):
            port = self.proxy.link(f"{who}-mosquitto", stack.broker_port, weather)
            stack.broker_seen_at[who] = port
        stack.prepare()
        for number in range(1, self.plan.terminals + 1):
            terminal = stack.add_terminal(f"t{number}")
            entrance = Entrance(terminal, self.plan.readers, self.tally)
            made.callback(entrance.close)
            entrance.configure(uplink=_UPLINK, env=dict(env))
            self.entrances.append(entrance)
        world = stack.directory / "world.toml"
        world.write_text("".join(self._tables()), encoding="utf-8")
        stack.load(world)
        self._add("mosquitto", stack.start_broker())
        for number in range(1, (1 if self._database is None else self.plan.ingests) + 1):
            self._add(f"ingest-{number}", stack.start_ingest(number))
        for entrance in self.entrances:
            entrance.terminal.start()
            self.victims.append(
                Victim(f"agent-{entrance.name}", entrance.running, entrance.kill, entrance.revive)
            )

    def _add(self, name: str, process: Process) -> None:
        self.victims.append(Victim(name, process.running, process.kill, process.start))

    def _tables(self) -> Iterator[str]:
        """One site, and every terminal at it, as `pointeuse cloud load` takes it."""
        company, division, site = _SITE.values()
        yield _table("companies", vat=company, name="Bouwwerken")
        yield _table("divisions", company=company, name=division)
        yield _table("sites", company=company, division=division, name=site, address="Kaai 1")
        for entrance in self.entrances:
            key, device = entrance.terminal.public_key, entrance.terminal.device
            yield _table("terminals", public_key=key, name=entrance.name)
            yield _table("assignments", terminal=device, **_SITE, **{"from": LONG_AGO})

    def _keep_files(self) -> None:
        if self._keep is None or self.good:
            return
        shutil.copytree(
            self.directory,
            self._keep,
            symlinks=True,
            ignore=shutil.ignore_patterns("*.sock"),
            dirs_exist_ok=True,
        )


def _table(kind: str, **fields: str) -> str:
    # A JSON string is a TOML basic string.
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return f"[[{kind}]]\n" + "\n".join(lines) + "\n\n"
