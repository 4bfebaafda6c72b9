"""Known answers of the standards we stand on, so that our own vectors do not only agree with us."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

from protocol import cbor, chain, cose, merkle
from protocol.errors import MalformedError, SignatureError
from protocol.keys import SigningKey, VerifyKey
from protocol.seals import MLKEM768_X25519, ContentKey, SealingKey, make_seal
from tests.protocol import hpke

KNOWN: dict[str, Any] = json.loads((Path(__file__).parent / "known_answers.json").read_text())

# RFC 8949 appendix A, but for what this protocol has no place for.
CBOR = {
    "00": 0, "01": 1, "0a": 10, "17": 23, "1818": 24, "1819": 25, "1864": 100, "1903e8": 1000,
    "1a000f4240": 1_000_000, "1b000000e8d4a51000": 1_000_000_000_000,
    "1bffffffffffffffff": 18446744073709551615, "3bffffffffffffffff": -18446744073709551616,
    "20": -1, "29": -10, "3863": -100, "3903e7": -1000, "f4": False, "f5": True, "f6": None,
    "40": b"", "4401020304": bytes([1, 2, 3, 4]), "60": "", "6161": "a", "6449455446": "IETF",
    "62225c": '"\\', "62c3bc": "\u00fc", "63e6b0b4": "\u6c34", "64f0908591": "\U00010151",
    "80": [], "83010203": [1, 2, 3], "8301820203820405": [1, [2, 3], [4, 5]],
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819": list(range(1, 26)),
    "a0": {}, "a201020304": {1: 2, 3: 4},
}  # fmt: skip
REFUSED = [
    "c249010000000000000000", "c349010000000000000000", "f90000", "f98000", "f93c00",
    "fb3ff199999999999a", "f97bff", "fa47c35000", "f97c00", "f97e00", "fa7f800000",
    "fb7ff8000000000000", "f7", "f0", "f8ff", "c074323031332d30332d32315432303a30343a30305a",
    "c11a514b67b0", "d74401020304", "d818456449455446", "a26161016162820203",
    "826161a161626163", "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff",
    "9f018202039f0405ffff", "83018202039f0405ff", "bf61610161629f0203ffff",
]  # fmt: skip


@pytest.mark.parametrize("encoded", CBOR)
def test_cbor_of_rfc_8949(encoded: str) -> None:
    value = CBOR[encoded]
    assert cbor.decode(bytes.fromhex(encoded)) == value
    assert type(cbor.decode(bytes.fromhex(encoded))) is type(value)
    assert cbor.encode(value).hex() == cbor.encode_in_order(value).hex() == encoded


@pytest.mark.parametrize("encoded", REFUSED)
def test_cbor_of_rfc_8949_that_has_no_place_here(encoded: str) -> None:
    with pytest.raises(MalformedError):
        cbor.decode(bytes.fromhex(encoded))


@pytest.mark.parametrize("vector", KNOWN["ed25519"]["vectors"])
def test_ed25519_of_rfc_8032(vector: dict[str, str]) -> None:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["private"]))
    key = SigningKey(private)
    assert key.public.to_cose()[-32:].hex() == vector["public"]
    message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
    assert key.sign(message) == signature
    key.public.verify(signature, message)
    with pytest.raises(SignatureError):
        key.public.verify(signature, message + b"?")


def test_thumbprint_of_rfc_9679() -> None:
    known = KNOWN["thumbprint"]
    numbers = ec.EllipticCurvePublicNumbers(
        int(known["x"], 16), int(known["y"], 16), ec.SECP256R1()
    )
    key = VerifyKey(numbers.public_key())
    assert key.thumbprint.hex() == known["thumbprint"]
    assert VerifyKey.from_cose(key.to_cose()) == key


def test_merkle_roots_of_certificate_transparency() -> None:
    leaves = [bytes.fromhex(leaf) for leaf in KNOWN["merkle"]["leaves"]]
    roots = [merkle.tree(leaves[:size])[0].hex() for size in range(1, len(leaves) + 1)]
    assert roots == KNOWN["merkle"]["roots"]


def test_hpke_of_rfc_9180_and_of_the_draft_for_hybrids() -> None:
    """Ours in `hpke.py` gives the known answers; then it may judge the library's."""
    known = {name: bytes.fromhex(value) for name, value in _texts(KNOWN["hpke"]["x25519"])}
    key = x25519.X25519PrivateKey.from_private_bytes(known["private"])
    secret = hpke.shared_secret(known["enc"], key)
    opened = hpke.open_with(
        secret, known["ciphertext"], known["info"], known["aad"], kem=hpke.X25519, aead=2
    )
    assert opened == known["plaintext"]
    known = {name: bytes.fromhex(value) for name, value in _texts(KNOWN["hpke"]["hybrid"])}
    secret = hpke.hybrid_secret(known["enc"], *hpke.hybrid_key(known["private"]))
    opened = hpke.open_with(
        secret, known["ciphertext"], known["info"], known["aad"], kem=hpke.HYBRID, aead=3
    )
    assert opened == known["plaintext"]


def _texts(vector: dict[str, Any]) -> list[tuple[str, str]]:
    return [(k, v) for k, v in vector.items() if k != "source" and isinstance(v, str)]


def test_seals_open_by_the_text_of_the_standard_alone() -> None:
    """Both suites, and the whole of `info` and `kid`, as `docs/protocol.md` writes them."""
    simple = SealingKey.generate()
    hybrid = SealingKey.generate(MLKEM768_X25519)
    x_key, mlkem_key = hybrid.parts
    assert mlkem_key is not None
    terminal, epoch, seq = b"t" * 32, b"e" * 16, 258
    content = ContentKey.generate()
    data = make_seal(
        content, [simple.public, hybrid.public], terminal=terminal, epoch=epoch, seq=seq
    )
    assert data[0] == content.seal_id
    (kid, suite, sealed), (hybrid_kid, hybrid_suite, hybrid_sealed) = data[1]
    public = simple.parts[0].public_key().public_bytes_raw()
    assert kid == cbor.digest(b"pointeuse/1/sealing-key\x00\x20" + public)
    hybrid_public = mlkem_key.public_key().public_bytes_raw() + (
        x_key.public_key().public_bytes_raw()
    )
    assert hybrid_kid == cbor.digest(b"pointeuse/1/sealing-key\x64\x7a" + hybrid_public)
    assert (suite, hybrid_suite) == ([0x20, 1, 2], [0x647A, 1, 2])
    place = b"pointeuse/1/seal" + terminal + epoch + seq.to_bytes(8, "big")
    assert content.key == hpke.open_with(
        hpke.shared_secret(sealed[:32], simple.parts[0]),
        sealed[32:], place + kid, b"", kem=hpke.X25519, aead=hpke.AES_256_GCM,
    )  # fmt: skip
    assert content.key == hpke.open_with(
        hpke.hybrid_secret(hybrid_sealed[:1120], x_key, mlkem_key),
        hybrid_sealed[1120:], place + hybrid_kid, b"", kem=hpke.HYBRID, aead=hpke.AES_256_GCM,
    )  # fmt: skip


def test_the_octets_signed_are_those_of_rfc_9052() -> None:
    """Sig_structure of section 4.4, written out by hand."""
    key = SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(b"\1" * 32))
    head = chain.Head(b"t" * 32, b"e" * 16, 5, b"l" * 32)
    message = chain.sign_head(head, key)
    payload = b"\x84\x58\x20" + b"t" * 32 + b"\x50" + b"e" * 16 + b"\x05\x58\x20" + b"l" * 32
    protected = b"\xa2\x01\x27\x04\x58\x20" + key.public.thumbprint
    signed = (
        b"\x84\x6aSignature1\x58\x26" + protected
        + b"\x50pointeuse/1/head"
        + b"\x58" + bytes([len(payload)]) + payload
    )  # fmt: skip
    key.public.verify(message[-64:], signed)
    assert message == (
        b"\xd2\x84\x58\x26" + protected
        + b"\xa0\x58" + bytes([len(payload)]) + payload
        + b"\x58\x40" + message[-64:]
    )  # fmt: skip
    document = cose.sign([key], b"p", b"aad")
    signed = b"\x85\x69Signature\x40\x58\x26" + protected + b"\x43aad\x41p"
    key.public.verify(document[-64:], signed)
