"""A crowd of workers and when they come: everything from one seed, the same on every machine."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hwsim.errors import SimulatorError

T = TypeVar("T")

_GIVEN = """
Aline Amina Bart Benoît Céline Dirk Elif Emma Fatima Gert Hannelore Ion Jan Joke Karim Lars Lotte
Luc Maarten Marek Mehdi Nadia Noor Olivier Piotr Quentin Rachid Sander Sophie Tomasz Ursula Valérie
Wim Xavier Yasmine Zoë
"""
_FAMILY = """
Adam Bogaert Claes De_Smet Dubois El_Amrani Fontaine Goossens Hermans Ionescu Jacobs Kowalski
Lambert Maes Nguyen Nowak Öztürk Peeters Quinet Renard Schmitz Thys Van_den_Broeck Willems Wouters
Yilmaz Zieliński
"""

_BEFORE_WORK_S = 900.0
"""Half of a crowd comes within so long of the peak's middle."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody with a badge that can be read in each of the three ways."""

    index: int
    given_name: str
    family_name: str
    number: str
    """Worker number, 8 digits."""
    employer: str
    """Enterprise number, 10 digits."""
    uid: str
    """UID of the chip, 7 octets in upper-case hexadecimal."""
    em4100: str
    """Number of a 125 kHz tag, 5 octets in upper-case hexadecimal."""
    card_number: str
    """Printed card number, 12 digits."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One worker at one reader of one terminal, `at_s` seconds after the crowd begins."""

    at_s: float
    worker: int
    terminal: str
    reader: str


def enterprise_number(index: int) -> str:
    """A made-up enterprise number: 10 digits, the last two 97 minus the others modulo 97."""
    base = 8_800_000 + index
    if not 8_800_000 <= base <= 9_999_999:
        raise SimulatorError(
            f"there is no enterprise number {index}; 0 to 1199999 are made up here"
        )
    return f"0{base}{97 - base % 97:02d}"


def crowd(seed: int, count: int, employers: Sequence[str]) -> list[Worker]:
    """`count` workers, no two with a number in common, spread over `employers`."""
    if not employers:
        raise SimulatorError("a crowd needs at least one employer; give an enterprise number")
    source = random.Random(f"crowd {seed}")
    given, family = _GIVEN.split(), [name.replace("_", " ") for name in _FAMILY.split()]
    return [
        Worker(
            index=index,
            given_name=_pick(source, given),
            family_name=_pick(source, family),
            number=f"{_digits(source, 4)}{index:04d}",
            employer=_pick(source, employers),
            # 04 is NXP's manufacturer code; the index keeps the rest from meeting.
            uid=f"04{_octets(source, 4)}{index:04X}",
            em4100=f"01{_octets(source, 2)}{index:04X}",
            card_number=f"{_digits(source, 7)}{index:05d}",
        )
        for index in range(_counted(count))
    ]


def morning(
    seed: int, workers: int, readers: Sequence[tuple[str, str]], peak_s: float = 3600.0
) -> Iterator[Arrival]:
    """Each of `workers` (indices 0 to `workers` - 1) arriving once, in order of time.

    They crowd around `peak_s`, half of them within a quarter of an hour of it, none before 0 or
    after twice `peak_s`. `readers` are pairs of terminal and reader; each worker takes one.
    """
    if not readers:
        raise SimulatorError("a crowd needs at least one reader to come to")
    source = random.Random(f"morning {seed}")
    arrivals = [
        (_time(source, peak_s), worker, _pick(source, readers))
        for worker in range(_counted(workers))
    ]
    for at_s, worker, (terminal, reader) in sorted(arrivals):
        yield Arrival(at_s, worker, terminal, reader)


def _counted(count: int) -> int:
    if not 0 <= count <= 0xFFFF:
        raise SimulatorError(f"a crowd of {count} is not possible; 0 to 65535 workers are")
    return count


def _time(source: random.Random, peak_s: float) -> float:
    """A time around the peak: logistic, cut to what is possible."""
    scale = min(_BEFORE_WORK_S, peak_s / 4) / math.log(3)
    while True:
        share = source.random()
        if 0.0 < share < 1.0:
            at_s = peak_s + scale * math.log(share / (1 - share))
            if 0.0 <= at_s <= 2 * peak_s:
                return round(at_s, 3)


# Only random() is promised to give the same numbers in every version of Python.


def _pick(source: random.Random, choices: Sequence[T]) -> T:
    return choices[int(source.random() * len(choices))]


def _digits(source: random.Random, count: int) -> str:
    return f"{int(source.random() * 10**count):0{count}d}"


def _octets(source: random.Random, count: int) -> str:
    return f"{int(source.random() * 256**count):0{2 * count}X}"
