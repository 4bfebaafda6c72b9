"""A roster of badges as keyed hashes: who holds it can ask about a badge, and cannot list any.

    entry = HMAC-SHA-256(key, "pointeuse/1/roster" || profile || 00 || number), its first 8 octets

The entries stand in one string of octets, rising: one roster has one encoding, and looking a badge
up in 30,000 takes fifteen comparisons and no memory of its own.

Looking up takes no constant time. What its timing could tell is where in the roster a hash lies,
and the hashes are of badges held to the reader one by one; who chooses those knows them already,
and without the key cannot tell which hash they have.
"""

import hmac
import secrets
from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import Any

from protocol.errors import MalformedError
from protocol.fields import as_bytes, as_map

_LABEL = b"pointeuse/1/roster"
KEY = 32
"""Octets of the key."""
ENTRY = 8
"""Octets of an entry: a badge that is not on a full roster is taken for one of its entries once in
600 million million."""
MOST = 30_000
"""Entries at most: a configuration is one message, of 256 KiB with all it holds."""


class Roster:
    """Badges, known by profile and number. Never changes; equal when key and entries are."""

    def __init__(self, key: bytes, entries: bytes) -> None:
        """`entries`: ENTRY octets each, rising. Raises MalformedError."""
        if len(key) != KEY or len(entries) % ENTRY:
            raise MalformedError(
                f"a roster has a key of {len(key)} and entries of {len(entries)} octets; {KEY}"
                f" and a multiple of {ENTRY} are expected"
            )
        if len(entries) > MOST * ENTRY:
            raise MalformedError(
                f"a roster has {len(entries) // ENTRY} entries; {MOST} at most fit a message"
            )
        cut = [entries[at : at + ENTRY] for at in range(0, len(entries), ENTRY)]
        if any(one >= other for one, other in pairwise(cut)):
            raise MalformedError("the entries of a roster do not rise")
        self.key, self.entries = key, entries

    @classmethod
    def of(cls, badges: Iterable[tuple[str, str]]) -> "Roster":
        """A roster of these (profile, number), under a fresh key. Raises MalformedError."""
        return cls(secrets.token_bytes(KEY), b"").changed(add=badges)

    def changed(
        self, add: Iterable[tuple[str, str]] = (), remove: Iterable[tuple[str, str]] = ()
    ) -> "Roster":
        """This roster with badges added, and others removed. Raises MalformedError."""
        held = {self.entries[at : at + ENTRY] for at in range(0, len(self.entries), ENTRY)}
        held |= {self._entry(profile, number) for profile, number in add}
        held -= {self._entry(profile, number) for profile, number in remove}
        return Roster(self.key, b"".join(sorted(held)))

    def __contains__(self, badge: tuple[str, str]) -> bool:
        """Whether `badge`, a profile and a number, is on the roster."""
        entries, wanted = self.entries, self._entry(*badge)
        at = ENTRY * bisect_left(
            range(len(self)), wanted, key=lambda n: entries[n * ENTRY : (n + 1) * ENTRY]
        )
        return entries[at : at + ENTRY] == wanted

    def __len__(self) -> int:
        return len(self.entries) // ENTRY

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Roster) and self.fields() == other.fields()

    def __hash__(self) -> int:
        return hash((self.key, self.entries))

    def fields(self) -> dict[int, Any]:
        """The roster as it stands in a configuration."""
        return {0: self.key, 1: self.entries}

    @classmethod
    def read(cls, value: Any) -> "Roster":
        """What `fields` made. Raises MalformedError."""
        fields = as_map(value, "a roster")
        return cls(
            as_bytes(fields.get(0), "a roster's key", KEY), as_bytes(fields.get(1), "its entries")
        )

    @cached_property
    def _mac(self) -> hmac.HMAC:
        """To be copied: its two first blocks are done once."""
        return hmac.new(self.key, _LABEL, "sha256")

    def _entry(self, profile: str, number: str) -> bytes:
        mac = self._mac.copy()
        mac.update(b"%s\0%s" % (profile.encode(), number.encode()))
        return mac.digest()[:ENTRY]

    def __repr__(self) -> str:
        return f"Roster({len(self)} badges)"
