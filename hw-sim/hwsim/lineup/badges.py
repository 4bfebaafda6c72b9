"""The badges: what each is, and what must be read from it."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from hwsim.cards import Card, RandomUidCard, UidCard
from hwsim.crowd import enterprise_number
from hwsim.desfire import AccessRights, Application, DataFile, DesfireCard
from hwsim.desfire.badges import CONSTRUBADGE, FILE, METALBADGE, Holder, Layout, badge
from hwsim.desfire.files import FREE
from hwsim.lineup.outcomes import Outcome, by_uid, recorded, refused
from protocol.badges import Assurance, Flag

SITE = Layout("site-sim", bytes.fromhex("F5E701")[::-1], bytes(range(16)))
"""A site's own layout on an EV1 card, read by a profile that is dropped into a folder."""
VISITOR_AID = bytes.fromhex("F5E702")[::-1]
_VISITOR = "visitor-sim"
_FIELDS = """
[fields]
number = { offset = 0, length = 8, encoding = "bcd" }
employer = { offset = 8, length = 5, encoding = "bcd" }
worker = { offset = 13, length = 6, encoding = "bcd" }
valid_from = { offset = 19, length = 4, encoding = "date" }
valid_to = { offset = 23, length = 4, encoding = "date" }
"""
PROFILES = {
    SITE.name: f"""name = "{SITE.name}"
simulated = true
[application]
aid = "F5E701"
[authentication]
kind = "ev1"
key = "{SITE.name}.read"
key_number = 1
[authentication.diversification]
method = "an10922"
system_identifier = "{SITE.name}"
[file]
number = 1
mode = "full"
length = 64
{_FIELDS}""",
    _VISITOR: f"""name = "{_VISITOR}"
simulated = true
[application]
aid = "F5E702"
[file]
number = 1
mode = "plain"
length = 64
{_FIELDS}""",
}
"""The site's own profiles, by name: the files that are dropped into its folder."""
ACCEPTED = (CONSTRUBADGE.name, METALBADGE.name, SITE.name, "uid")
"""Badges of these are in their place at the terminal."""
KEYS = {
    f"{layout.name}.{key}": value
    for layout in (CONSTRUBADGE, METALBADGE, SITE)
    for key, value in (("read", layout.read_key), ("get-uid", bytes(16)))
}
"""The terminal's keys for cards, by name; they are published with the layouts."""
_OTHER_KEY = bytes([0x77]) * 16
_EMPLOYER, _WORKER = enterprise_number(1), "2100000017"
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Shown:
    """A card of 13.56 MHz."""

    name: str
    make: Callable[[], Card]
    uid: bytes | None
    """The UID that it shows; None where it makes one up each time."""
    outcome: Outcome
    """At a reader that can speak to it."""

    @property
    def outcome_by_number(self) -> Outcome:
        """At a reader that tells its number and no more."""
        return refused("random-uid") if self.uid is None else by_uid(self.uid)


def cards(today: date) -> Iterator[Shown]:
    """The cards, made for that day; no two have a number in common."""
    numbers = itertools.count(1)
    begins, ends = today - _YEAR, today + _YEAR

    def shown(
        name: str,
        layout: Layout,
        *,
        flags: int = 0,
        begins: date = begins,
        ends: date = ends,
        read_key: bytes | None = None,
        generation: str = "EV2",
        random_uid: bool = False,
    ) -> Shown:
        number = next(numbers)
        uid = bytes.fromhex(f"04A1B2C3D4E5{number:02X}")
        holder = Holder(f"541{number:013}", _EMPLOYER, _WORKER, begins, ends, "Noor Peeters")
        outcome = recorded(layout.name, holder.number, Assurance.AUTHENTICATED, flags)
        if read_key is not None:
            # One of a random UID told its own before: that takes another key, which is right.
            outcome = by_uid(uid, Flag.UNAUTHENTIC)
        return Shown(
            f"{layout.name}, {name}",
            lambda: badge(
                layout,
                holder,
                uid,
                read_key=read_key,
                generation=generation,
                random_uid=random_uid,
            ),
            None if random_uid else uid,
            outcome,
        )

    yield shown("EV2", CONSTRUBADGE)
    yield shown("EV3", CONSTRUBADGE, generation="EV3")
    yield shown("EV2", METALBADGE)
    yield shown("EV3", METALBADGE, generation="EV3")
    yield shown("EV1, a site's own profile", SITE, generation="EV1")
    yield shown("random UID", CONSTRUBADGE, random_uid=True)
    yield shown("expired", CONSTRUBADGE, flags=Flag.EXPIRED, ends=today - timedelta(days=2))
    yield shown(
        "not valid yet", CONSTRUBADGE, flags=Flag.NOT_YET_VALID, begins=today + timedelta(days=2)
    )
    yield shown("wrong key", CONSTRUBADGE, read_key=_OTHER_KEY)
    yield shown("wrong key and random UID", CONSTRUBADGE, read_key=_OTHER_KEY, random_uid=True)
    yield _visitor(next(numbers), begins, ends)
    for digits in ("A1B2C3D4", "04112233445566", "04112233445566778899"):
        uid = bytes.fromhex(digits)
        yield Shown(f"UID only, {len(uid)} octets", partial(UidCard, uid), uid, by_uid(uid))
    yield Shown("random UID, nothing else", lambda: RandomUidCard(1), None, refused("random-uid"))


def _visitor(number: int, begins: date, ends: date) -> Shown:
    """A card of a profile that is known, and not in its place at the terminal."""
    uid = bytes.fromhex(f"04A1B2C3D4E5{number:02X}")
    holder = Holder(f"541{number:013}", _EMPLOYER, _WORKER, begins, ends)
    file = DataFile(bytearray(holder.content()), AccessRights(read=FREE))
    return Shown(
        f"{_VISITOR}, other profile, free to read",
        lambda: DesfireCard(uid, [Application(VISITOR_AID, (bytes(16),), {FILE: file})]),
        uid,
        recorded(_VISITOR, holder.number, Assurance.READ, Flag.OTHER_PROFILE),
    )
