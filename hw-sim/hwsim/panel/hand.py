"""A hand of badges, each of which shows something else."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hwsim.crowd import enterprise_number
from hwsim.desfire import DesfireCard
from hwsim.desfire.badges import CONSTRUBADGE, METALBADGE, Holder, Layout, badge

EMPLOYERS = {
    "Toitures de la Meuse SRL": enterprise_number(1),
    "Elektro Kempenland BV": enterprise_number(2),
}
"""Companies that the platform knows, and their enterprise numbers."""
_STRANGER = enterprise_number(9)
"""An employer nobody registered."""
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Person:
    """A worker whom the platform knows, with the badge that is linked to them."""

    given_name: str
    family_name: str
    employer: str
    number: str
    badge: tuple[str, str]
    """Profile and number, as a terminal records them."""


@dataclass(frozen=True)
class Held:
    """Something to hold to a reader."""

    key: str
    title: str
    says: str
    """What stands on it: a name, or what it is."""
    detail: str
    look: str = "plain"
    """How it is drawn: by a layout's name, or "plain" or "fob"."""
    card: Callable[[], DesfireCard] | None = None
    tag: str | None = None
    """Number of a 125 kHz tag, in place of `card`."""
    pulled: bool = False
    """Whether it is taken away while it is read."""


@dataclass(frozen=True)
class Hand:
    """Everything that can be held to a reader, and who is known to the platform."""

    held: Mapping[str, Held]
    people: list[Person]
    blocked: tuple[str, str]
    """Profile and number of the badge that is on the terminal's roster."""


def deal(today: date, seed: int) -> Hand:
    """The hand of a day; `seed` decides what cards make up."""
    source = random.Random(seed)
    soon, past = today + _YEAR, today - timedelta(days=30)
    first, second = EMPLOYERS.values()
    names = {
        "valid": ("Noor Peeters", "5410000000000017", first, "2100000017"),
        "metal": ("Tomasz Kowalski", "6410000000000025", second, "2100000025"),
        "expired": ("Luc Fontaine", "5410000000000033", first, "2100000033"),
        "blocked": ("Emma Claes", "5410000000000041", second, "2100000041"),
        "stranger": ("Ion Ionescu", "5410000000000058", _STRANGER, "2100000058"),
        "forged": ("Noor Peeters", "5410000000000017", first, "2100000017"),
    }

    def card(
        key: str, layout: Layout = CONSTRUBADGE, until: date = soon, read_key: bytes | None = None
    ) -> Callable[[], DesfireCard]:
        name, number, employer, worker = names[key]
        uid = b"\x04" + source.randbytes(6)
        holder = Holder(number, employer, worker, today - 2 * _YEAR, until, name)
        return lambda: badge(layout, holder, uid, read_key=read_key, chance=source.randbytes)

    def shown(
        key: str,
        title: str,
        detail: str,
        made: Callable[[], DesfireCard],
        layout: Layout = CONSTRUBADGE,
    ) -> Held:
        return Held(key, title, names[key][0], detail, layout.name, made)

    valid, fob = card("valid"), "01" + source.randbytes(4).hex().upper()
    hidden = DesfireCard(b"\x04" + source.randbytes(6), random_uid=True, chance=source.randbytes)
    until_soon = f"until {soon}"
    held = [
        shown("valid", "Valid", until_soon, valid),
        shown("metal", "Valid", until_soon, card("metal", METALBADGE), METALBADGE),
        shown("expired", "Expired", f"until {past}", card("expired", until=past)),
        shown("blocked", "Blocked", "on the roster", card("blocked")),
        shown("stranger", "Unknown", "nobody entered it", card("stranger")),
        shown("forged", "Forged", "another key", card("forged", read_key=bytes(16))),
        Held("random", "Random UID", "a payment card", "a new UID each time", card=lambda: hidden),
        replace(
            shown("valid", "Pulled away", "taken away too soon", valid), key="pulled", pulled=True
        ),
        Held("fob", "Key fob", names["metal"][0], "125 kHz", "fob", tag=fob),
    ]
    people = [
        _person(names[key], layout.name, names[key][1])
        for key, layout in (
            ("valid", CONSTRUBADGE), ("metal", METALBADGE), ("expired", CONSTRUBADGE),
            ("blocked", CONSTRUBADGE),
        )
    ]  # fmt: skip
    people.append(_person(names["metal"], "em4100", fob))
    blocked = (CONSTRUBADGE.name, names["blocked"][1])
    return Hand({each.key: each for each in held}, people, blocked)


def _person(entry: tuple[str, str, str, str], profile: str, number: str) -> Person:
    name, _, employer, worker = entry
    given, family = name.split(" ", 1)
    return Person(given, family, employer, worker, (profile, number))
