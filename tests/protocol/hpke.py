"""HPKE's base mode written once more, from RFC 9180, to check the library's one-shot calls with.

For KEM 0x0020 (section 4.1) and 0x647A (X-Wing's combiner, draft-ietf-hpke-pq), HKDF-SHA256.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

X25519, HYBRID = 0x0020, 0x647A
HKDF_SHA256 = 1
AES_256_GCM = 2
_AEADS: dict[int, type[AESGCM | ChaCha20Poly1305]] = {AES_256_GCM: AESGCM, 3: ChaCha20Poly1305}
_MLKEM_CIPHERTEXT = 1088


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand's first block: nothing here is longer than 32 octets."""
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\1", "sha256")[:length]


def shared_secret(enc: bytes, key: x25519.X25519PrivateKey) -> bytes:
    """Decap of DHKEM(X25519, HKDF-SHA256)."""
    suite = b"KEM" + X25519.to_bytes(2, "big")
    exchanged = key.exchange(x25519.X25519PublicKey.from_public_bytes(enc))
    prk = _extract(suite, b"", b"eae_prk", exchanged)
    context = enc + key.public_key().public_bytes_raw()
    return _expand(suite, prk, b"shared_secret", context, 32)


def hybrid_secret(
    enc: bytes, key: x25519.X25519PrivateKey, mlkem_key: mlkem.MLKEM768PrivateKey
) -> bytes:
    """Decap of MLKEM768-X25519."""
    ciphertext, ephemeral = enc[:_MLKEM_CIPHERTEXT], enc[_MLKEM_CIPHERTEXT:]
    exchanged = key.exchange(x25519.X25519PublicKey.from_public_bytes(ephemeral))
    public = key.public_key().public_bytes_raw()
    parts = mlkem_key.decapsulate(ciphertext) + exchanged + ephemeral + public
    return hashlib.sha3_256(parts + b"\\.//^\\").digest()


def hybrid_key(seed: bytes) -> tuple[x25519.X25519PrivateKey, mlkem.MLKEM768PrivateKey]:
    """Both keys of a 32-octet seed."""
    expanded = hashlib.shake_256(seed).digest(96)
    return (
        x25519.X25519PrivateKey.from_private_bytes(expanded[64:]),
        mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
    )


def open_with(
    secret: bytes, ciphertext: bytes, info: bytes, aad: bytes, *, kem: int, aead: int
) -> bytes:
    """The key schedule of mode 0 and the first message (sections 5.1 and 5.2)."""
    identifiers = b"".join(number.to_bytes(2, "big") for number in (kem, HKDF_SHA256, aead))
    suite = b"HPKE" + identifiers
    context = (
        b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    )
    prk = _extract(suite, secret, b"secret", b"")
    key = _expand(suite, prk, b"key", context, 32)
    nonce = _expand(suite, prk, b"base_nonce", context, 12)
    return _AEADS[aead](key).decrypt(nonce, ciphertext, aad)
