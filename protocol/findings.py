"""What a verification says: what is wrong, what is proved, and where the proof ends."""

from collections import Counter
from enum import StrEnum

import msgspec

from protocol.hello import EpochState
from protocol.receipts import Leaf
from protocol.salvaged import Gap

MOST_LISTED = 100
"""Findings, and gaps of an epoch, that are listed; more are counted only."""


class What(StrEnum):
    """The kinds of things that can be wrong."""

    CHANGED = "changed"
    """A record, or the link kept beside it, is not what was written."""
    MISSING = "missing"
    """Records that were there are not."""
    MISPLACED = "misplaced"
    """A record stands where another stood."""
    SIGNATURE = "signature"
    """A head is not the terminal's, or there is none."""
    BLOB = "blob"
    """A sealed part is not the one that its record names."""
    FORK = "fork"
    """The terminal's key signed two chains of one epoch."""
    RECEIPT = "receipt"
    """A receipt is not the platform's, or another's."""
    ACKED = "acked"
    """More is said to be held by the platform than any receipt says."""
    EPOCH = "epoch"
    """An epoch is missing, or is not the one that its records say."""
    TRUST = "trust"
    """The trust documents cannot be followed."""
    KEY = "key"
    """A new signing key does not take over as it must."""
    SALVAGED = "salvaged"
    """A record carried over cannot be read, or is not the one named."""
    FILE = "file"
    """The file is cut, or was changed in its own parts."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong. The first broken record is one of `first` to `last`, if it is one.

    `epoch` is the epoch's ordinal.
    """

    what: What
    detail: str
    epoch: int | None = None
    first: int | None = None
    last: int | None = None


class EpochProof(msgspec.Struct):
    """What is proved of one epoch.

    Records `state.first` to `last` were shown; those up to `signed` stand under a head that
    verifies; those up to `receipt` the platform has receipted, too.
    """

    state: EpochState
    last: int
    signed: int
    link: bytes
    """The link at `last`."""
    receipt: Leaf | None = None
    heads: int = 0
    """Signatures of heads that were checked."""
    kinds: Counter[int] = msgspec.field(default_factory=Counter)
    erased: int = 0
    unreadable: int = 0
    """Records this code cannot read: kept, and in the chain."""
    gaps: list[Gap] = msgspec.field(default_factory=list)
    doubtful: int = 0
    """Records carried over of which the terminal could prove the link only."""
    broken: bool = False

    @property
    def ends(self) -> int:
        """Up to where nothing can have been cut off or replaced unseen, by anybody."""
        return 0 if self.receipt is None else self.receipt.seq


class Report(msgspec.Struct):
    """All that was found in one file."""

    terminal: bytes
    epochs: list[EpochProof] = msgspec.field(default_factory=list)
    findings: list[Finding] = msgspec.field(default_factory=list)
    found: int = 0
    """How many findings there are; `findings` holds the first MOST_LISTED."""
    notices: list[str] = msgspec.field(default_factory=list)
    """What is not wrong, and must be known."""
    records: int = 0
    receipts: int = 0
    """Receipts whose signatures were checked."""
    trust: int | None = None
    """The newest trust document followed."""

    def add(self, finding: Finding) -> None:
        """Note what is wrong."""
        self.found += 1
        if len(self.findings) < MOST_LISTED:
            self.findings.append(finding)

    def notice(self, text: str) -> None:
        """Note what must be known, once."""
        if len(self.notices) < MOST_LISTED and text not in self.notices:
            self.notices.append(text)
