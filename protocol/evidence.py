"""What a verifier knows of a terminal's chains from elsewhere: receipts, heads, who may sign them.

A receipt says that the platform held a link; a head, that the terminal stood at it. Either is a
*point* at which a chain that is shown must have that very link.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from protocol import chain, cose, trust
from protocol.errors import MalformedError, ProtocolError, SignatureError, TrustError
from protocol.keys import VerifyKey
from protocol.receipts import Leaf, Verdict, unverified_receipt, verify_receipt
from protocol.trust import Trust

_HOLDS = frozenset({Verdict.STORED, Verdict.BRANCH, Verdict.RESUME})
"""The verdicts that say: everything up to (seq, link) is held."""


class Point(msgspec.Struct, frozen=True):
    """A link that epoch `epoch` is known to have had at `seq`.

    `leaf` is the receipt that says so, None when it is a head of the terminal. `believed` is False
    for a receipt whose signature nobody could check.
    """

    epoch: bytes
    seq: int
    link: bytes
    leaf: Leaf | None = None
    believed: bool = True


class RevokedError(SignatureError):
    """The receipt was signed by a key that has been revoked since."""


class TrustChain:
    """The trust documents that were followed, and the receipt keys they name."""

    def __init__(self) -> None:
        self.current: Trust | None = None
        self._keys: dict[bytes, VerifyKey] = {}
        self._revoked: set[bytes] = set()

    def pin(self, message: bytes) -> None:
        """Begin with a document that is believed. Raises ProtocolError."""
        self._take(trust.pin(message))

    def follow(self, message: bytes) -> None:
        """Go on to the next. Raises ProtocolError."""
        if self.current is None:
            raise TrustError("there is no trust document to follow")
        self._take(trust.follow(self.current, message))

    def _take(self, document: Trust) -> None:
        self.current = document
        self._keys |= {key.thumbprint: key for key in document.receipt_keys}
        self._revoked.update(document.revoked)

    def receipt(self, message: bytes) -> tuple[Leaf, bool]:
        """A receipt's leaf, and whether it can be believed: not without any trust document.

        Old receipts were signed by keys that newer documents no longer name: every key that any of
        them named will do, unless one has revoked it. Raises MalformedError, SignatureError,
        RevokedError.
        """
        if self.current is None:
            return unverified_receipt(message), False
        leaf, _ = verify_receipt(message, self._lookup)
        return leaf, True

    def _lookup(self, kid: bytes) -> VerifyKey | None:
        if kid in self._revoked:
            raise RevokedError(f"receipt key {kid.hex()[:16]} has been revoked")
        return self._keys.get(kid)


class Points:
    """Every point known, by epoch and seq."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self._by_epoch: dict[bytes, dict[int, list[Point]]] = defaultdict(dict)
        for point in points:
            self.add(point)

    def add(self, point: Point) -> None:
        """Know one more."""
        self._by_epoch[point.epoch].setdefault(point.seq, []).append(point)

    def of(self, epoch: bytes) -> dict[int, list[Point]]:
        """The points of an epoch by seq."""
        return self._by_epoch[epoch]

    def epochs(self) -> list[bytes]:
        """The epochs of which something is known."""
        return [epoch for epoch, points in self._by_epoch.items() if points]


def point_of_receipt(message: bytes, terminal: bytes, documents: TrustChain) -> Point | None:
    """What a receipt says of a terminal's chain; None when it says nothing of what is held.

    Raises MalformedError, SignatureError, RevokedError.
    """
    leaf, believed = documents.receipt(message)
    if leaf.terminal != terminal:
        raise SignatureError("the receipt is another terminal's")
    if leaf.verdict not in _HOLDS:
        return None
    return Point(leaf.epoch, leaf.seq, leaf.link, leaf, believed)


def point_of_head(message: bytes, terminal: bytes, signer: VerifyKey) -> Point:
    """What a head says. Raises MalformedError, SignatureError."""
    head = chain.verify_head(message, signer)
    if head.terminal != terminal:
        raise SignatureError("the head is another terminal's")
    return Point(head.epoch, head.seq, head.link)


def point_of(message: bytes, terminal: bytes, signer: VerifyKey, documents: TrustChain) -> Point:
    """What a receipt or a head that a verifier brings says of the chain.

    Raises MalformedError, SignatureError, RevokedError.
    """
    if cose.is_sign1(message):
        return point_of_head(message, terminal, signer)
    point = point_of_receipt(message, terminal, documents)
    if point is None:
        raise MalformedError("the receipt says nothing of what the platform holds")
    return point


def follow_all(documents: TrustChain, messages: Sequence[bytes], given: bytes | None) -> str | None:
    """Walk through a file's trust documents; the reason when they cannot all be followed.

    `given` is the document the verifier brings: the walk begins there. Without it, it begins at the
    first of `messages`. Raises ProtocolError when the one given is not good by itself.
    """
    rest = list(messages)
    if given is not None:
        documents.pin(given)
        if rest and given not in rest:
            return "the file's trust documents do not follow the one given"
        rest = rest[rest.index(given) + 1 :] if rest else []
    try:
        if given is None and rest:
            documents.pin(rest.pop(0))
        for message in rest:
            documents.follow(message)
    except ProtocolError as error:
        return str(error)
    return None
