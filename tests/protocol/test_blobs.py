"""Seals and blobs: what opens them, where, how often; and badges that are none."""

from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol import blobs, cbor, seals
from protocol.badges import Assurance, Badge
from protocol.bodies import Body
from protocol.errors import MalformedError, SealError
from protocol.seals import ContentKey, SealingKey, SealingPublicKey
from tests.protocol.messages import (
    BADGE,
    EPOCH,
    ME,
    MINE,
    PLATFORM,
    RECOVERY,
    Chain,
)

CHAIN = Chain()


def test_a_sealer_seals_once() -> None:
    sealer = blobs.TapSealer(CHAIN.content, CHAIN.place(9))
    assert blobs.open_blob(sealer.seal(BADGE), CHAIN.content, CHAIN.place(9)) == BADGE
    with pytest.raises(RuntimeError):
        sealer.seal(BADGE)


def sealed(padded: bytes) -> bytes:
    """A blob whose plaintext, padding and all, is `padded`."""
    salt, place = b"s" * 16, CHAIN.place(9)
    key = blobs.tap_key(CHAIN.content, salt, place)
    ciphertext = AESGCM(key).encrypt(bytes(12), padded, place.aad())
    return salt + ciphertext + cbor.digest(b"pointeuse/1/kc" + key)


def padded(*fields: Any) -> bytes:
    return (cbor2.dumps(list(fields)) + b"\x80").ljust(64, b"\0")


RANDOM = b"r" * 16


def test_a_blob_made_by_hand_opens() -> None:
    badge = blobs.open_blob(
        sealed(padded(RANDOM, "12", "uid", 2, 1, None, "7")), CHAIN.content, CHAIN.place(9)
    )
    assert badge == Badge("12", "uid", Assurance.UID, 1, None, "7")


@pytest.mark.parametrize(
    "plaintext",
    [
        bytes(64),
        b"\x80" + bytes(63),
        padded(RANDOM, "12", "uid", 2, 0, None, None).replace(b"\x80", b"\x81"),
        padded(RANDOM, "12", "uid", 2, 0, None),
        padded(RANDOM, "12", "uid", 9, 0, None, None),
        padded(RANDOM, "12", "uid", 2, 2**16, None, None),
        padded(RANDOM, "1\n", "uid", 2, 0, None, None),
        padded(RANDOM, "\u00e9", "uid", 2, 0, None, None),
        padded(RANDOM, "12", "uid", 2, 0, "08800000345", None),
        padded(RANDOM, 12, "uid", 2, 0, None, None),
        padded(b"r" * 15, "12", "uid", 2, 0, None, None),
    ],
)
def test_a_badge_that_is_none_is_refused(plaintext: bytes) -> None:
    with pytest.raises(MalformedError):
        blobs.open_blob(sealed(plaintext), CHAIN.content, CHAIN.place(9))


@pytest.mark.parametrize(
    "badge",
    [
        Badge("1" * 49, "uid", Assurance.UID),
        Badge("1", "u" * 25, Assurance.UID),
        Badge("1", "uid", Assurance.UID, 0, "1" * 11),
        Badge("1", "uid", Assurance.UID, 0, None, "1" * 17),
        Badge("1\0", "uid", Assurance.UID),
        Badge("\udc80", "uid", Assurance.UID),
        Badge("\u00e9", "uid", Assurance.UID),
    ],
)
def test_a_badge_that_no_blob_holds_is_refused_without_its_number(badge: Badge) -> None:
    with pytest.raises(MalformedError) as caught:
        blobs.seal_badge(badge, CHAIN.content, CHAIN.place(9))
    assert "11" not in str(caught.value)


def open_seal(data: Any, *keys: SealingKey, seq: int = 2) -> ContentKey:
    return seals.open_seal(data, keys, terminal=ME, epoch=EPOCH, seq=seq)


def test_a_seal_opens_for_its_recipients_at_its_place_and_nowhere_else() -> None:
    data = Body.decode(CHAIN.records[1][0]).data
    assert open_seal(data, PLATFORM) == open_seal(data, RECOVERY) == CHAIN.content
    assert open_seal(data, MINE, RECOVERY) == CHAIN.content
    with pytest.raises(SealError, match="at hand"):
        open_seal(data, MINE)
    with pytest.raises(SealError):
        open_seal(data, PLATFORM, seq=3)
    kid, suite, wrapped = data[1][0]
    for other in ([*suite[:2], 1], [0x647A, 1, 2], [0x20, 2, 2], [0x20, 1]):
        with pytest.raises(SealError, match="suite"):
            open_seal({0: data[0], 1: [[kid, other, wrapped]]}, PLATFORM)
    for spoilt in (wrapped[:-1], wrapped[:31], b"", wrapped[:40] + b"?" + wrapped[41:], bytes(80)):
        with pytest.raises(SealError):
            open_seal({0: data[0], 1: [[kid, suite, spoilt]]}, PLATFORM)
    for shapeless in (None, {}, {0: b"s" * 16}, {0: b"s" * 16, 1: [[kid, suite]]},
                      {0: b"s" * 15, 1: data[1]}, {0: b"s" * 16, 1: [[kid[:31], suite, wrapped]]},
                      {0: b"s" * 16, 1: [[[], suite, wrapped]]},
                      {0: b"s" * 16, 1: [[kid, suite, None]]}):  # fmt: skip
        with pytest.raises(MalformedError):
            open_seal(shapeless, PLATFORM)


def test_a_content_key_has_32_octets() -> None:
    short = seals.make_seal(
        ContentKey(b"s" * 16, b"k" * 31), [PLATFORM.public], terminal=ME, epoch=EPOCH, seq=2
    )
    with pytest.raises(MalformedError, match="32 bytes"):
        open_seal(short, PLATFORM)


@pytest.mark.parametrize(
    ("kem", "raw"),
    [
        (0x20, bytes(32)), (0x20, b"\1" + bytes(31)), (0x20, b"x" * 31), (0x20, b""),
        (0x647A, b"\xff" * 1216), (0x647A, bytes(1216)), (0x647A, b"x" * 1215), (0x647A, b""),
        (0x21, b"x" * 56), (0, b"x" * 32),
    ],
)  # fmt: skip
def test_a_key_that_nothing_can_be_sealed_to_is_refused(kem: int, raw: bytes) -> None:
    with pytest.raises(MalformedError):
        SealingPublicKey(kem, raw)
