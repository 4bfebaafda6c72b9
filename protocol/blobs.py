"""Blobs: who tapped, sealed under a key of its own.

    blob = salt(16) || AES-256-GCM(k, nonce 0, padded plaintext, aad) || H("pointeuse/1/kc" || k)
    k    = HMAC-SHA256(content key, "pointeuse/1/tap" || salt || epoch || seq)
    aad  = "pointeuse/1/badge" || terminal || epoch || seq || seal id

`seq` is 8 octets, big-endian. A key per record: no nonce can repeat, and one record is disclosed
by giving away its `k` alone. The plaintext is padded (ISO/IEC 9797-1 method 2) to 64 or 128
octets, since its length would otherwise tell the type of badge.
"""

import hashlib
import hmac
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol import cbor
from protocol.badges import Assurance, Badge
from protocol.errors import MalformedError, SealError
from protocol.fields import as_array, as_bytes, as_text, as_uint
from protocol.seals import ContentKey

MAX_NUMBER = 48
"""Characters of a badge number at most, so that any badge fits the larger padding."""
MAX_PROFILE = 24
MAX_WORKER = 16
MAX_EMPLOYER = 10
_SIZES = (64, 128)
_SALT = 16
RANDOM = 32
"""Octets of chance that a tap needs: its salt, and what hides its plaintext."""
_TAG = 16
_COMMITMENT = 32
_NONCE = bytes(12)


class Place(msgspec.Struct, frozen=True):
    """Where a tap stands: what ties its blob to its record."""

    terminal: bytes
    epoch: bytes
    seq: int
    seal_id: bytes

    def aad(self) -> bytes:
        """The additional data of the blob's AEAD."""
        return (
            b"pointeuse/1/badge"
            + self.terminal
            + self.epoch
            + self.seq.to_bytes(8, "big")
            + self.seal_id
        )


def tap_key(content: ContentKey, salt: bytes, place: Place) -> bytes:
    """K of one record, 32 bytes: what is given away to disclose it, and it alone."""
    message = b"pointeuse/1/tap" + salt + place.epoch + place.seq.to_bytes(8, "big")
    mac = content.mac.copy()
    mac.update(message)
    return mac.digest()


class TapSealer:
    """Seals the tap at one place. All but the badge is known beforehand, so most work is too."""

    __slots__ = ("_aad", "_aead", "_commitment", "_random", "_salt", "place")

    def __init__(self, content: ContentKey, place: Place, random: bytes | None = None) -> None:
        """`random` is 32 octets that nothing else knows or uses; drawn here when None."""
        self.place = place
        random = random or secrets.token_bytes(RANDOM)
        self._salt, self._random = random[:_SALT], random[_SALT:]
        key = tap_key(content, self._salt, place)
        self._aead: AESGCM | None = AESGCM(key)
        self._aad = place.aad()
        self._commitment = _commitment(key)

    def seal(self, badge: Badge) -> bytes:
        """The blob: 128 or 192 octets. Raises MalformedError for a badge too long.

        Raises RuntimeError the second time: the nonce is fixed, so a key seals one badge.
        """
        aead, self._aead = self._aead, None
        if aead is None:
            raise RuntimeError(f"the sealer of record {self.place.seq} has been used")
        sealed = aead.encrypt(_NONCE, _pad(_plaintext(badge, self._random)), self._aad)
        return self._salt + sealed + self._commitment


def seal_badge(badge: Badge, content: ContentKey, place: Place) -> bytes:
    """The blob of a tap. Raises MalformedError for a badge too long."""
    return TapSealer(content, place).seal(badge)


def salt_of(blob: bytes) -> bytes:
    """The salt of a blob. Raises MalformedError."""
    if len(blob) - _SALT - _TAG - _COMMITMENT not in _SIZES:
        raise MalformedError(f"a blob of {len(blob)} bytes")
    return blob[:_SALT]


def open_blob(blob: bytes, content: ContentKey, place: Place) -> Badge:
    """Who tapped. Raises MalformedError, SealError."""
    return open_disclosed(blob, tap_key(content, salt_of(blob), place), place)


def open_disclosed(blob: bytes, key: bytes, place: Place) -> Badge:
    """Who tapped, by the `k` of this record alone. Raises MalformedError, SealError.

    The commitment is checked first: AES-GCM by itself lets one blob open under two keys.
    """
    salt_of(blob)
    if not hmac.compare_digest(blob[-_COMMITMENT:], _commitment(key)):
        raise SealError(f"record {place.seq}: the blob was sealed under another key")
    try:
        padded = AESGCM(key).decrypt(_NONCE, blob[_SALT:-_COMMITMENT], place.aad())
    except InvalidTag:
        raise SealError(f"record {place.seq}: the blob belongs to another record") from None
    return _read_plaintext(_unpad(padded))


def blob_hash(blob: bytes) -> bytes:
    """H(blob), 32 bytes: what the record's body holds."""
    return hashlib.sha256(blob).digest()


def _commitment(key: bytes) -> bytes:
    return hashlib.sha256(b"pointeuse/1/kc" + key).digest()


def check_badge(badge: Badge) -> None:
    """Raises MalformedError for a badge that no blob can hold."""
    for value, name, longest in (
        (badge.number, "badge number", MAX_NUMBER),
        (badge.profile, "profile", MAX_PROFILE),
        (badge.employer or "", "employer number", MAX_EMPLOYER),
        (badge.worker or "", "worker number", MAX_WORKER),
    ):
        if not (value.isascii() and value.isprintable()):
            raise MalformedError(f"a {name} is not printable ASCII")
        if len(value) > longest:
            raise MalformedError(f"a {name} longer than {longest} bytes")


def _plaintext(badge: Badge, random: bytes) -> bytes:
    check_badge(badge)
    return cbor.encode_in_order(
        [
            random,
            badge.number,
            badge.profile,
            int(badge.assurance),
            badge.flags,
            badge.employer,
            badge.worker,
        ]
    )


def _read_plaintext(plaintext: bytes) -> Badge:
    fields = as_array(cbor.decode(plaintext), "a badge", 7)
    _, number, profile, assurance, flags, employer, worker = fields
    as_bytes(fields[0], "the random part of a badge", 16)
    try:
        known = Assurance(as_uint(assurance, "assurance"))
    except ValueError as error:
        raise MalformedError(f"assurance {assurance!r} is not one this code knows") from error
    badge = Badge(
        as_text(number, "badge number", MAX_NUMBER),
        as_text(profile, "profile", MAX_PROFILE),
        known,
        as_uint(flags, "flags", 2**16),
        None if employer is None else as_text(employer, "employer number", MAX_EMPLOYER),
        None if worker is None else as_text(worker, "worker number", MAX_WORKER),
    )
    check_badge(badge)
    return badge


def _pad(plaintext: bytes) -> bytes:
    for size in _SIZES:
        if len(plaintext) < size:
            return (plaintext + b"\x80").ljust(size, b"\0")
    raise MalformedError(f"a badge of {len(plaintext)} bytes does not fit {_SIZES[-1]}")


def _unpad(padded: bytes) -> bytes:
    plaintext = padded.rstrip(b"\0")
    if not plaintext.endswith(b"\x80"):
        raise MalformedError("the padding of a badge is not ISO/IEC 9797-1 method 2")
    return plaintext[:-1]
