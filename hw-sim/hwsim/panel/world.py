"""The panel's world: a broker, a platform, and a terminal with a reader of each kind."""

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Self

from hwsim.chaos.faults import Weather
from hwsim.chaos.proxy import Proxy
from hwsim.crowd import enterprise_number
from hwsim.demo.setting import table
from hwsim.desfire.badges import CONSTRUBADGE, METALBADGE
from hwsim.interrupts import whole
from hwsim.offline.clock import TerminalClock
from hwsim.panel.hand import EMPLOYERS, Hand, deal
from hwsim.panel.readers.base import Reader
from hwsim.panel.readers.cards import Gate, Turnstile
from hwsim.panel.readers.codes import Counter, Office
from hwsim.panel.readers.numbers import OSDP_KEY, OSDP_KEY_NAME, Barrier, Canteen
from hwsim.panel.screen import Screen
from hwsim.processes import Process, preloaded, run, wait_for
from hwsim.stack import LONG_AGO, Stack

_UPLINK = "backoff_s = 0.2\nbackoff_limit_s = 1.0\nresend_s = 5.0\ntelemetry_s = 5.0"
"""Nobody at a page waits for an attempt a minute from now."""
_GATE = "debounce_s = 1.0"
_SITE = {"company": "Bouwwerken Scheldezicht NV", "division": "Vlaanderen", "site": "Kaai 12"}
_KEYS = {
    f"{layout.name}.{key}": value.hex()
    for layout in (CONSTRUBADGE, METALBADGE)
    for key, value in (("read", layout.read_key), ("get-uid", bytes(16)))
} | {OSDP_KEY_NAME: OSDP_KEY.hex()}
"""Those of cards are published with the layouts, and the reader's is no secret either."""


class World:
    """Everything, running. Use it in a `with` block. Raises SimulatorError."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.hand: Hand = deal(date.today(), seed)  # noqa: DTZ011 - as on a badge: no time zone
        with contextlib.ExitStack() as made:
            self.proxy = made.enter_context(Proxy(seed))
            self.screen = made.enter_context(Screen())
            self.clock = made.enter_context(TerminalClock(directory, begins_s=0, drift_ppm=0))
            self.clock.synchronise(error_ms=0, bound_ms=20)
            self.stack = made.enter_context(Stack(directory / "stack"))
            port = self.proxy.link("agent", self.stack.broker_port, Weather())
            self.stack.broker_seen_at["agents"] = port
            self.readers: dict[str, Reader] = {}
            for kind in (Turnstile, Gate, Canteen, Barrier, Counter, Office):
                with whole():
                    reader: Reader = kind(directory)
                    made.callback(reader.close)
                self.readers[reader.name] = reader
            # Before any hardware goes: a program that is told to stop is not to see it go.
            made.callback(self.stack.stop)
            self._prepare()
            self._start()
            self._resources = made.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def _prepare(self) -> None:
        stack = self.stack
        stack.prepare()
        self.terminal = stack.add_terminal("gatehouse")
        tables = "".join(reader.table() for reader in self.readers.values())
        self.terminal.configure(tables, uplink=_UPLINK, gate=_GATE)
        config = self.terminal.directory / "agent.toml"
        for name, key in _KEYS.items():
            run("agent", "credentials", "set", name, "--config", config, given=key)
        self.terminal.agent = Process(
            "agent",
            [*self.terminal.command, "--show"],
            self.terminal.directory / "agent.log",
            preloaded(
                self.clock.environment, *(each.environment for each in self.readers.values())
            ),
            stdout=self.screen.stdout,
        )
        world = stack.directory / "world.toml"
        world.write_text("".join(self._tables()), encoding="utf-8")
        stack.load(world)
        blocked = [word for each in self.hand.blocked for word in ("--block", ":".join(each))]
        place = ("--config", stack.settings)
        run("cloud", "terminal", "configure", self.terminal.device, *blocked, *place)

    def _start(self) -> None:
        self.broker = self.stack.start_broker()
        self.stack.start_ingest()
        self.stack.start_api()
        self.terminal.start()
        wait_for(self.ready, "the terminal's readers, its connection and its roster are not ready")

    def ready(self) -> bool:
        """Whether the agent has its readers, its connection and the platform's configuration."""
        status = self.terminal.status()
        return (
            status is not None
            and all(reader["state"] == "ready" for reader in status["readers"].values())
            and status["uplink"]["state"] == "online"
            and status["configuration"]["number"] > 0
        )

    def _tables(self) -> Iterator[str]:
        """One site, the terminal at it, and who is known, as `pointeuse cloud load` takes it."""
        company, division, site = _SITE.values()
        yield table("companies", vat=enterprise_number(0), name=company)
        for name, number in EMPLOYERS.items():
            yield table("companies", vat=number, name=name)
        yield table("divisions", company=company, name=division)
        yield table(
            "sites",
            company=company,
            division=division,
            name=site,
            address=f"{site}, 2000 Antwerpen",
        )
        for person in self.hand.people:
            yield table(
                "workers", company=person.employer, number=person.number,
                given_name=person.given_name, family_name=person.family_name,
            )  # fmt: skip
            for profile, number in person.badges:
                yield table(
                    "badges", profile=profile, number=number, company=person.employer,
                    worker=person.number,
                )  # fmt: skip
        yield table("terminals", public_key=self.terminal.public_key, name="Gatehouse")
        yield table("assignments", terminal=self.terminal.device, **_SITE, **{"from": LONG_AGO})
