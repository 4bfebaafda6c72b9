"""What a receipt means for this terminal: the rules, and nothing else.

Forward: only to a link equal to mine, and if the receipt does not answer what I am asking, only
from the newest generation I know of: an older one has been restored since. Back: only for the nonce
I am asking with, from a generation newer than the one that holds all of mine; what was acknowledged
for pruning never falls. See `docs/protocol.md`, Conversation.
"""

from collections.abc import Callable
from dataclasses import dataclass

from protocol.receipts import Leaf, Verdict

LinkAt = Callable[[int], bytes | None]
"""From a seq of the receipt's epoch to my link there; None when I do not keep it."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """The receipt changes nothing."""

    why: str


@dataclass(frozen=True, slots=True)
class Forward:
    """The platform holds everything up to `seq`."""

    seq: int
    alarm: str | None = None


@dataclass(frozen=True, slots=True)
class Back:
    """A restored platform: send again from `seq` + 1; what was acknowledged stays so."""

    seq: int


@dataclass(frozen=True, slots=True)
class CloseEpoch:
    """The platform knows another chain for this epoch: begin a new one."""

    why: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The platform refuses: wait long, and alarm."""

    why: str


Meaning = Ignore | Forward | Back | CloseEpoch | Hold


def judge(
    leaf: Leaf,
    *,
    terminal: bytes,
    nonce: bytes,
    generation: int,
    heard: int,
    first: int,
    acked: int,
    link_at: LinkAt,
) -> Meaning:
    """What `leaf`, already verified, means.

    `nonce` is what I am asking with, `generation` the newest that holds all I acknowledged, `heard`
    the newest that answered me, `first` and `acked` those of the receipt's epoch.
    """
    if leaf.terminal != terminal:
        return Ignore("it is another terminal's")
    mine = leaf.nonce == nonce
    match leaf.verdict:
        case Verdict.STORED | Verdict.BRANCH:
            alarm = "the platform holds another chain too" if _is_branch(leaf) else None
            counts = mine or leaf.generation >= max(generation, heard)
            return _forward(leaf, mine, counts, generation, acked, link_at, alarm)
        case Verdict.RESUME if mine:
            return _resume(leaf, generation, first, acked, link_at)
        case Verdict.BEHIND if mine:
            return CloseEpoch("the platform knows another chain, or a longer one")
        case Verdict.BAD_SIGNATURE if mine:
            return Hold("the platform finds the signature bad")
        case Verdict.UNKNOWN if mine:
            return Hold("the platform does not know this terminal")
        case Verdict.BANNED if mine:
            return Hold("the platform has banned this terminal")
    return Ignore("it answers another message")


def _is_branch(leaf: Leaf) -> bool:
    return leaf.verdict is Verdict.BRANCH


def _forward(
    leaf: Leaf,
    mine: bool,
    counts: bool,
    generation: int,
    acked: int,
    link_at: LinkAt,
    alarm: str | None,
) -> Meaning:
    link = link_at(leaf.seq)
    if link != leaf.link:
        if mine and link is not None:
            return _fork(leaf.seq)
        return Ignore(f"its link at {leaf.seq} is not mine")
    if not counts:
        return Ignore("the platform was restored since it was said")
    if leaf.seq >= acked:
        return Forward(leaf.seq, alarm)
    if mine and leaf.generation > generation:
        return Back(leaf.seq)
    if mine:
        return Forward(leaf.seq, alarm)
    return Ignore("it is older than the newest")


def _fork(seq: int) -> CloseEpoch:
    return CloseEpoch(f"the platform's link at {seq} is not mine")


def _resume(leaf: Leaf, generation: int, first: int, acked: int, link_at: LinkAt) -> Meaning:
    held = (leaf.resume or 1) - 1
    link = link_at(held)
    if held == leaf.seq and link != leaf.link and (link is not None or held >= acked):
        return _fork(held)
    if held >= acked:
        return Forward(held) if held == leaf.seq else Ignore("it resumes elsewhere than it holds")
    if leaf.generation <= generation:
        return Ignore(f"resume at {leaf.resume} is behind what was acknowledged, and not newer")
    # Below my oldest record nothing can be sent: begin there, and the platform notes the gap.
    return Back(max(held, first - 1))
