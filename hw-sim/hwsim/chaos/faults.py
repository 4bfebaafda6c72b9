"""What befalls the octets of one connection, and when: drawn from a seed, never from a clock."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a fault does to one direction of a connection."""

    DELAY = "delay"
    """Octets are held back for a while."""
    HOLE = "hole"
    """Some octets are left out, and the rest goes on."""
    SWALLOW = "swallow"
    """All octets vanish for a while, though they are taken; then the connection is reset."""
    STALL = "stall"
    """No octets are taken for a while; then the connection is reset."""
    HALF_CLOSE = "half-close"
    """This direction ends; the other goes on for a while."""
    RESET = "reset"
    """Both sides get an RST."""
    CLOSE = "close"
    """Both sides get a FIN."""


ENDING = frozenset({Kind.SWALLOW, Kind.STALL, Kind.HALF_CLOSE, Kind.RESET, Kind.CLOSE})
"""A connection does not outlive these."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, `after` octets further on."""

    after: int
    kind: Kind
    hold_s: float
    """How long it lasts, where that means something."""
    octets: int
    """How many are left out of a HOLE."""


@dataclass(frozen=True)
class Weather:
    """How often and how long the connections of one link suffer."""

    soonest: int = 1000
    """Octets before a fault at the earliest: within a TLS handshake."""
    latest: int = 1_000_000
    longest_s: float = 2.5
    sealed: bool = True
    """Whether whoever receives notices that octets are missing in the middle, as TLS does.

    TCP itself never delivers a stream with a hole in it, so a link without TLS gets none.
    """


def faults(seed: str, weather: Weather) -> Iterator[Fault]:
    """The faults of one direction of one connection, one after the other, without end."""
    source = random.Random(seed)
    kinds = [kind for kind in Kind if weather.sealed or kind is not Kind.HOLE]
    low, high = math.log(weather.soonest), math.log(weather.latest)
    while True:
        yield Fault(
            after=int(math.exp(low + (high - low) * source.random())),
            kind=kinds[int(source.random() * len(kinds))],
            hold_s=weather.longest_s * source.random() ** 2,
            octets=1 + int(source.random() * 2000),
        )
