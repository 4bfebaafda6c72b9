"""Trust documents: which keys a terminal believes, numbered, each signed by the one before.

As The Update Framework rotates its root: document N+1 is signed by at least `threshold` root keys
of N, and by as many of its own as it demands itself. All are kept, so a terminal that was away
for a year walks forward one by one.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from protocol import cbor, cose
from protocol.errors import MalformedError, SignatureError, TrustError
from protocol.fields import as_array, as_bytes, as_map, as_uint, version
from protocol.keys import SigningKey, VerifyKey
from protocol.seals import SealingPublicKey

_AAD = b"pointeuse/1/trust"


@dataclass(frozen=True, slots=True)
class Trust:
    """One trust document.

    `seal_to` are the recipients of every seal record (the platform, the recovery key);
    `authorities` are CA certificates in DER; `revoked` are thumbprints of keys no longer good.

    Keys of a kind this version does not know are left out when a document is read: a terminal that
    was never updated follows on, under the keys it can use.
    """

    number: int
    issued_ms: int
    roots: Sequence[VerifyKey]
    threshold: int
    receipt_keys: Sequence[VerifyKey]
    config_keys: Sequence[VerifyKey]
    seal_to: Sequence[SealingPublicKey]
    authorities: Sequence[bytes] = ()
    revoked: Sequence[bytes] = ()

    def sign(self, root_keys: Sequence[SigningKey]) -> bytes:
        """The document as a COSE_Sign by `root_keys`: the old roots and the new."""
        payload = cbor.encode(
            {
                0: 1,
                1: self.number,
                2: self.issued_ms,
                3: [key.to_cose() for key in self.roots],
                4: self.threshold,
                5: [key.to_cose() for key in self.receipt_keys],
                6: [key.to_cose() for key in self.config_keys],
                7: [[key.kem, key.raw] for key in self.seal_to],
                8: list(self.authorities),
                9: list(self.revoked),
            }
        )
        return cose.sign(root_keys, payload, _AAD)

    @property
    def receipt_lookup(self) -> cose.KeyLookup:
        """The keys that may sign receipts."""
        return cose.keyring(k for k in self.receipt_keys if k.thumbprint not in self.revoked)

    @property
    def config_lookup(self) -> cose.KeyLookup:
        """The keys that may sign configuration and commands."""
        return cose.keyring(k for k in self.config_keys if k.thumbprint not in self.revoked)


def pin(message: bytes) -> Trust:
    """The first document, believed because enrolment delivered it: signed by its own roots.

    Raises MalformedError, SignatureError, TrustError.
    """
    trust = _read(message)
    _demand(message, trust, trust)
    if not trust.seal_to:
        raise TrustError(f"trust document {trust.number} names nobody we can seal to")
    return trust


def follow(current: Trust, message: bytes) -> Trust:
    """The next document after `current`.

    One whose recipients are all of a kind unknown here leaves the recipients as they were: a
    terminal always has somebody to seal to.

    Raises MalformedError, SignatureError; TrustError when it is not `current.number` + 1.
    """
    trust = _read(message)
    if not trust.seal_to:
        trust = replace(trust, seal_to=current.seal_to)
    if trust.number != current.number + 1:
        raise TrustError(f"trust document {trust.number} cannot follow {current.number}")
    _demand(message, trust, current)
    _demand(message, trust, trust)
    return trust


def _demand(message: bytes, trust: Trust, by: Trust) -> None:
    lookup = cose.keyring(key for key in by.roots if key.thumbprint not in by.revoked)
    _, signers = cose.verify(message, lookup, _AAD)
    if len(signers) < by.threshold:
        raise SignatureError(
            f"trust document {trust.number} is signed by {len(signers)} root keys of document"
            f" {by.number}; {by.threshold} are needed"
        )


def _read(message: bytes) -> Trust:
    payload, _ = cose.verify(message, lambda _: None, _AAD)
    fields = as_map(cbor.decode(payload), "a trust document")
    version(fields, "a trust document")
    trust = Trust(
        number=as_uint(fields.get(1), "number", 2**31),
        issued_ms=as_uint(fields.get(2), "issued_ms", 2**62),
        roots=_keys(fields.get(3), "roots"),
        threshold=as_uint(fields.get(4), "threshold", 17),
        receipt_keys=_keys(fields.get(5), "receipt keys"),
        config_keys=_keys(fields.get(6), "config keys"),
        seal_to=_sealing_keys(fields.get(7)),
        authorities=[as_bytes(item, "a CA") for item in as_array(fields.get(8), "authorities")],
        revoked=[as_bytes(item, "a thumbprint", 32) for item in as_array(fields.get(9), "revoked")],
    )
    if not 0 < trust.threshold <= len(set(trust.roots)):
        raise TrustError(f"trust document {trust.number} can never be followed: its threshold")
    if not as_array(fields.get(7), "sealing keys"):
        raise TrustError(f"trust document {trust.number} names nobody to seal to")
    return trust


def _keys(value: object, what: str) -> list[VerifyKey]:
    found = []
    for item in as_array(value, what):
        raw = as_bytes(item, "a key")
        with suppress(MalformedError):
            found.append(VerifyKey.from_cose(raw))
    return found


def _sealing_keys(value: object) -> list[SealingPublicKey]:
    found = []
    for item in as_array(value, "sealing keys"):
        kem, raw = as_array(item, "a sealing key", 2)
        kem, raw = as_uint(kem, "kem", 2**16), as_bytes(raw, "a public key")
        with suppress(MalformedError):
            found.append(SealingPublicKey(kem, raw))
    return found
