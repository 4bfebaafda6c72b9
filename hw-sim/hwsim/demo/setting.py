"""The stage: a world loaded into a running platform, and terminals at their first sites."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hwsim.demo.entrances import Entrances, open_entrances, use_hardware
from hwsim.demo.world import Site, World
from hwsim.processes import Process
from hwsim.stack import LONG_AGO, Stack


@dataclass
class Stage:
    """Everything that runs."""

    stack: Stack
    entrances: Entrances
    world: World
    broker: Process


@contextmanager
def set_stage(
    directory: Path, world: World, say: Callable[[str], None], reader: str | None = None
) -> Iterator[Stage]:
    """Start broker, platform and terminals in `directory`; stop them at the end.

    `say` is told of the progress. `reader` names a piece of hardware, as `scripts/demo --reader`
    takes it, for the first terminal in place of its simulated readers. Raises SimulatorError.
    """
    with Stack(directory) as stack:
        say("the platform gets its keys and its database")
        stack.prepare()
        say("five terminals get theirs, and the platform's certificates")
        with open_entrances(stack) as entrances:
            try:
                if reader is not None:
                    use_hardware(entrances.tags, reader)
                say("companies, sites, workers and badges are entered")
                file = directory / "world.toml"
                text = world_toml(world, stack.terminals, first_sites(world))
                file.write_text(text, encoding="utf-8")
                stack.load(file)
                say("broker, platform and terminals start")
                broker = stack.start_broker()
                stack.start_ingest()
                stack.start_api()
                for entrance in entrances.all():
                    entrance.start()
                yield Stage(stack, entrances, world, broker)
            finally:
                # Before any hardware goes: a program that is told to stop is not to see it go.
                stack.stop()


def first_sites(world: World) -> dict[str, Site]:
    """Where each terminal stands when the day begins."""
    kaai, station, citadelle, quai = world.sites
    return {"tags": kaai, "codes": station, "cards": citadelle, "quay": quai, "yard": station}


class Enrolled(Protocol):
    """A terminal as the platform is told of it."""

    device: str

    @property
    def public_key(self) -> str:
        """Its COSE_Key in hexadecimal."""
        ...


def world_toml(world: World, terminals: Mapping[str, Enrolled], places: Mapping[str, Site]) -> str:
    """The world as `pointeuse cloud load` takes it, its terminals by name."""
    return "".join(_tables(world, terminals, places))


def _tables(
    world: World, terminals: Mapping[str, Enrolled], places: Mapping[str, Site]
) -> Iterator[str]:
    for company in [world.contractor, *world.subcontractors]:
        yield table("companies", vat=company.number, name=company.name)
    for owner, name in dict.fromkeys((site.company, site.division) for site in world.sites):
        yield table("divisions", company=owner, name=name)
    for site in world.sites:
        yield table(
            "sites",
            company=site.company,
            division=site.division,
            name=site.name,
            address=site.address,
        )
    for worker in world.workers:
        given, family = worker.name
        yield table(
            "workers",
            company=worker.company.number,
            number=worker.number,
            given_name=given,
            family_name=family,
        )
        yield table(
            "badges",
            profile=worker.badge.profile,
            number=worker.badge.number,
            company=worker.company.number,
            worker=worker.number,
        )
    for name, site in places.items():
        terminal = terminals[name]
        yield table("terminals", public_key=terminal.public_key, name=name)
        yield table(
            "assignments",
            terminal=terminal.device,
            company=site.company,
            division=site.division,
            site=site.name,
            **{"from": LONG_AGO},
        )


def table(kind: str, **fields: str) -> str:
    """A table of a world in TOML."""
    # A JSON string is a TOML basic string.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return f"[[{kind}]]\n" + "\n".join(lines) + "\n\n"
