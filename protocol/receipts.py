"""Receipts: the platform's signed word on what it holds.

A receipt message is `[leaf, index, [* sibling hash], root]`: the leaf's Merkle path leads to the
root, which one COSE_Sign1 over `[size, root hash]` signs for as many terminals as shared a commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from protocol import cbor, cose, merkle
from protocol.errors import MalformedError, SignatureError
from protocol.fields import as_array, as_bytes, as_map, as_uint, version
from protocol.keys import SigningKey

_AAD = b"pointeuse/1/receipt"
_LONGEST_PATH = 32


class Verdict(IntEnum):
    """What became of the batch or hello with the receipt's nonce."""

    STORED = 1
    """Everything up to (seq, link) is held."""
    BRANCH = 2
    """Held as a branch: another record already stands at one of these seqs."""
    RESUME = 3
    """Send from `resume` on: what stands before it is held, what stands after is not."""
    BEHIND = 4
    """The platform knows another link, or more than the terminal: close the epoch."""
    BAD_SIGNATURE = 5
    """The head does not verify, or does not cover what was sent."""
    UNKNOWN = 6
    """This terminal, or its key, is not registered."""
    BANNED = 7
    """This terminal's records are refused."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one receipt says to one terminal.

    `at` is the platform's clock in milliseconds since 1970; `generation` rises with each restore
    of the platform; `nonce` echoes the message answered; `resume` is the next seq wanted.
    """

    terminal: bytes
    epoch: bytes
    seq: int
    link: bytes
    at: int
    generation: int
    nonce: bytes
    verdict: Verdict
    resume: int | None = None

    def encode(self) -> bytes:
        """Deterministic CBOR; its H is what later records name."""
        fields: dict[int, Any] = {
            0: 1,
            1: self.terminal,
            2: self.epoch,
            3: self.seq,
            4: self.link,
            5: self.at,
            6: self.generation,
            7: self.nonce,
            8: int(self.verdict),
        }
        if self.resume is not None:
            fields[9] = self.resume
        return cbor.encode(fields)

    @classmethod
    def decode(cls, raw: bytes) -> "Leaf":
        """Read a leaf. Raises MalformedError."""
        fields = as_map(cbor.decode(raw), "a receipt")
        version(fields, "a receipt")
        resume = fields.get(9)
        try:
            verdict = Verdict(as_uint(fields.get(8), "verdict"))
        except ValueError as error:
            raise MalformedError(f"verdict {fields.get(8)!r} is not one this code knows") from error
        return cls(
            as_bytes(fields.get(1), "terminal", 32),
            as_bytes(fields.get(2), "epoch", 16),
            as_uint(fields.get(3), "seq", 2**62),
            as_bytes(fields.get(4), "link", 32),
            as_uint(fields.get(5), "at", 2**62),
            as_uint(fields.get(6), "generation", 2**62),
            as_bytes(fields.get(7), "nonce", 16),
            verdict,
            None if resume is None else as_uint(resume, "resume", 2**62),
        )


def sign_receipts(leaves: Sequence[Leaf], key: SigningKey) -> list[bytes]:
    """One receipt message for each leaf, all under one signature."""
    raw = [leaf.encode() for leaf in leaves]
    root, paths = merkle.tree(raw)
    signed = cose.sign1(key, cbor.encode([len(raw), root]), _AAD)
    return [cbor.encode([leaf, i, paths[i], signed]) for i, leaf in enumerate(raw)]


def unverified_receipt(message: bytes) -> Leaf:
    """The leaf of a receipt message that nobody vouches for. Raises MalformedError."""
    raw, _, _, _ = as_array(cbor.decode(message), "a receipt message", 4)
    return Leaf.decode(as_bytes(raw, "a leaf"))


def verify_receipt(message: bytes, lookup: cose.KeyLookup) -> tuple[Leaf, bytes]:
    """The leaf of a receipt message, and H(leaf). Raises MalformedError, SignatureError."""
    raw, index, path, signed = as_array(cbor.decode(message), "a receipt message", 4)
    payload, _ = cose.verify1(as_bytes(signed, "a signed root"), lookup, _AAD)
    size, root = as_array(cbor.decode(payload), "a root", 2)
    siblings = [as_bytes(item, "a hash", 32) for item in as_array(path, "a Merkle path")]
    if len(siblings) > _LONGEST_PATH:
        raise MalformedError("a Merkle path is too long")
    leaf = as_bytes(raw, "a leaf")
    proven = merkle.root_from_path(leaf, as_uint(index, "index"), as_uint(size, "size"), siblings)
    if proven != as_bytes(root, "a root hash", 32):
        raise SignatureError("the receipt is not in the tree whose root was signed")
    return Leaf.decode(leaf), cbor.digest(leaf)
