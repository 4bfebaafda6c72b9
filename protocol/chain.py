"""The chain of an epoch: links over record bodies, and signed heads.

Links cover bodies, never envelopes or signatures: two valid signatures, or two encodings, of one
record would otherwise make two chains.
"""

import hashlib

import msgspec

from protocol import cbor, cose
from protocol.errors import LinkError
from protocol.fields import as_array, as_bytes, as_uint
from protocol.keys import SigningKey, VerifyKey

_EPOCH = b"pointeuse/1/epoch"
_LINK = b"pointeuse/1/link"
_HEAD_AAD = b"pointeuse/1/head"

MAX_GROUP = 32
"""Records under one head at most, so that the path from a record to its head stays short."""


def epoch_link(terminal: bytes, epoch: bytes) -> bytes:
    """link(0) of an epoch: what its first record continues. 32 bytes."""
    return hashlib.sha256(_EPOCH + terminal + epoch).digest()


def next_link(link: bytes, body: bytes) -> bytes:
    """link(n) from link(n-1) and the raw body n. 32 bytes."""
    return hashlib.sha256(_LINK + link + hashlib.sha256(body).digest()).digest()


def next_link_by_hash(link: bytes, body_hash: bytes) -> bytes:
    """link(n) from link(n-1) and H(body n): for a verifier who is not shown the body."""
    return hashlib.sha256(_LINK + link + body_hash).digest()


class Head(msgspec.Struct, frozen=True):
    """A terminal's word that its chain stood at `link` after record `seq`."""

    terminal: bytes
    epoch: bytes
    seq: int
    link: bytes


def sign_head(head: Head, key: SigningKey) -> bytes:
    """The head as a COSE_Sign1."""
    return cose.sign1(key, _payload(head), _HEAD_AAD)


def head_signature(head: Head, key: SigningKey) -> bytes:
    """The 64-byte signature alone: all that a journal needs to keep of a head."""
    return cose.signature1(key, _payload(head), _HEAD_AAD)


def assemble_head(head: Head, key: VerifyKey, signature: bytes) -> bytes:
    """The COSE_Sign1 of `sign_head`, from a signature kept in a journal."""
    return cose.assemble1(key, _payload(head), signature)


def check_head(head: Head, key: VerifyKey, signature: bytes) -> None:
    """Check that `key` signed this head, by the signature kept of it. Raises SignatureError."""
    cose.check1(key, _payload(head), _HEAD_AAD, signature)


def prove_head(message: bytes, head: Head, key: VerifyKey) -> None:
    """Check that a message is `head`, signed by `key`.

    There is one encoding of that, so it is compared, and read only to say what is wrong with it.
    Raises MalformedError, SignatureError; LinkError when `key` signed another head.
    """
    payload = _payload(head)
    signature = message[-cose.SIGNATURE :]
    if message == cose.assemble1(key, payload, signature):
        cose.check1(key, payload, _HEAD_AAD, signature)
        return
    signed = verify_head(message, key)
    if (signed.terminal, signed.epoch) != (head.terminal, head.epoch):
        raise LinkError("the head belongs to another terminal or epoch than the records")
    raise LinkError(f"the records do not lead to the signed head, at record {signed.seq}")


def _payload(head: Head) -> bytes:
    return cbor.encode_in_order([head.terminal, head.epoch, head.seq, head.link])


def verify_head(message: bytes, key: VerifyKey) -> Head:
    """The head that `key` signed. Raises MalformedError, SignatureError."""
    payload, _ = cose.verify1(message, cose.keyring([key]), _HEAD_AAD)
    terminal, epoch, seq, link = as_array(cbor.decode(payload), "a head", 4)
    return Head(
        as_bytes(terminal, "terminal", 32),
        as_bytes(epoch, "epoch", 16),
        as_uint(seq, "seq"),
        as_bytes(link, "link", 32),
    )
