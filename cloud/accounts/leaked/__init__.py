"""Whether a password is on the list of leaked ones that comes with the platform.

The list is kept as a Bloom filter, `leaked.bloom`: no password can be read in it; it says yes of
every one that is on the list, and of one in 16,000 others. `making.py` says where it comes from,
NOTICE.md under which licence. Lower and upper case are one.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from math import ceil, log
from pathlib import Path

LEAST = 12
"""Characters of the shortest password on the list: shorter ones are refused for their length."""
FILE = Path(__file__).parent / "leaked.bloom"
_HASHES = 14
"""Bits looked at for a password; so many halvings of how often it is wrong."""


def known(password: str) -> bool:
    """Whether a password of `LEAST` characters or more is on the list."""
    return contains(_list(), password)


def contains(bits: bytes, password: str) -> bool:
    """Whether a filter holds a password."""
    return all(bits[place >> 3] >> (place & 7) & 1 for place in _places(len(bits) * 8, password))


def filter_of(passwords: Iterable[str]) -> bytes:
    """The filter of all passwords that are long enough."""
    long = {each.lower() for each in passwords if len(each) >= LEAST}
    # As many bits as make every second one of them set (B. Bloom, 1970).
    bits = bytearray(ceil(max(1, len(long)) * _HASHES / log(2) / 8))
    for each in long:
        for place in _places(len(bits) * 8, each):
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def _places(size: int, password: str) -> Iterator[int]:
    """Two hashes do for many (Kirsch and Mitzenmacher, 2006)."""
    digest = sha256(password.lower().encode("utf-8", "surrogatepass")).digest()
    first, step = (int.from_bytes(digest[at : at + 8]) for at in (0, 8))
    return ((first + number * (step | 1)) % size for number in range(_HASHES))


@cache
def _list() -> bytes:
    return FILE.read_bytes()
