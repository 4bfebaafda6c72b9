"""A hand of badges, each of which shows something else."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

Identity = tuple[str, str]
"""Profile and number, as a terminal records them."""


@dataclass(frozen=True)
class Person:
    """A worker whom the platform knows, with the badges that are linked to them."""

    given_name: str
    family_name: str
    employer: str
    number: str
    badges: list[Identity]


@dataclass(frozen=True)
class Held:
    """Something to hold to a reader."""

    key: str
    title: str
    says: str
    """What stands on it: a name, or what it is."""
    detail: str
    look: str = "plain"
    """How it is drawn: by a layout's name, or "plain", "fob" or "paper"."""
    card: Callable[[], DesfireCard] | None = None
    """Its chip of 13.56 MHz."""
    tag: str | None = None
    """The number of its 125 kHz chip."""
    printed: str | None = None
    """The number that is printed on it as a QR code."""
    pulled: bool = False
    """Whether it is taken away while it is read."""


@dataclass(frozen=True)
class Hand:
    """Everything that can be held to a reader, and who is known to the platform."""

    held: Mapping[str, Held]
    people: list[Person]
    blocked: list[Identity]
    """What the badge on the terminal's roster is read as, by one reader or another."""


@dataclass(frozen=True)
class _Badge:
    """A badge of a layout: its holder, its chip, and what is printed on it."""

    layout: Layout
    name: str
    number: str
    employer: str
    worker: str
    uid: bytes

    def identities(self) -> list[Identity]:
        """What it is read as: by a reader with its key, by one without, and by a scanner."""
        by_uid = ("uid", self.uid.hex().upper())
        return [(self.layout.name, self.number), by_uid, ("printed", self.number)]

    def person(self, *others: Identity) -> Person:
        """Who holds it, with whatever else they hold."""
        given, family = self.name.split(" ", 1)
        return Person(given, family, self.employer, self.worker, [*self.identities(), *others])


def deal(today: date, seed: int) -> Hand:
    """The hand of a day; `seed` decides what cards make up."""
    source = random.Random(seed)
    soon, past = today + _YEAR, today - timedelta(days=30)
    first, second = EMPLOYERS.values()

    def made(layout: Layout, name: str, number: str, employer: str, worker: str) -> _Badge:
        return _Badge(layout, name, number, employer, worker, b"\x04" + source.randbytes(6))

    noor = made(CONSTRUBADGE, "Noor Peeters", "5410000000000017", first, "2100000017")
    tomasz = made(METALBADGE, "Tomasz Kowalski", "6410000000000025", second, "2100000025")
    luc = made(CONSTRUBADGE, "Luc Fontaine", "5410000000000033", first, "2100000033")
    emma = made(CONSTRUBADGE, "Emma Claes", "5410000000000041", second, "2100000041")
    ion = made(CONSTRUBADGE, "Ion Ionescu", "5410000000000058", _STRANGER, "2100000058")
    forged = made(CONSTRUBADGE, "Noor Peeters", "5410000000000017", first, "2100000017")
    sofie = Person("Sofie", "Maes", second, "2100000066", [("printed", "7410000000000066")])
    fob = "01" + source.randbytes(4).hex().upper()
    hidden = b"\x04" + source.randbytes(6)

    def held(
        key: str,
        title: str,
        detail: str,
        of: _Badge,
        *,
        until: date = soon,
        read_key: bytes | None = None,
        pulled: bool = False,
    ) -> Held:
        holder = Holder(of.number, of.employer, of.worker, today - 2 * _YEAR, until, of.name)

        def card() -> DesfireCard:
            return badge(of.layout, holder, of.uid, read_key=read_key, chance=source.randbytes)

        return Held(
            key, title, of.name, detail, of.layout.name, card, printed=of.number, pulled=pulled
        )

    until_soon = f"until {soon}"
    hand = [
        held("valid", "Valid", until_soon, noor),
        held("metal", "Valid", until_soon, tomasz),
        held("expired", "Expired", f"until {past}", luc, until=past),
        held("blocked", "Blocked", "on the roster", emma),
        held("stranger", "Unknown", "nobody entered it", ion),
        held("forged", "Forged", "another key", forged, read_key=bytes(16)),
        held("pulled", "Pulled away", "taken away too soon", noor, pulled=True),
        Held(
            "random",
            "Random UID",
            "a payment card",
            "new UID each time",
            card=lambda: DesfireCard(hidden, random_uid=True, chance=source.randbytes),
        ),
        Held("fob", "Key fob", tomasz.name, "125 kHz", "fob", tag=fob),
        Held("pass", "Paper pass", "Sofie Maes", "no chip", "paper", printed=sofie.badges[0][1]),
    ]
    people = [noor.person(), tomasz.person(("em4100", fob)), luc.person(), emma.person(), sofie]
    return Hand({each.key: each for each in hand}, people, emma.identities())
