"""Keys in files. Private ones: PKCS #8 PEM, mode 0600, never overwritten.

A hybrid sealing key is two PEM blocks in one file: X25519, then ML-KEM-768.
All functions raise KeyFileError naming the file, the reason and the fix.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, x25519

from protocol.durable import sync_directory
from protocol.errors import KeyFileError, MalformedError
from protocol.keys import SigningKey, VerifyKey
from protocol.seals import SealingKey

_END = b"-----END PRIVATE KEY-----\n"


def _pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem


def save_private_key(path: Path, key: SigningKey | SealingKey) -> None:
    """Write a key to a new file, durably. An existing file is never overwritten."""
    if isinstance(key, SigningKey):
        pem = key.private_pem()
    else:
        pem = b"".join(_pem(part) for part in key.parts if part is not None)
    save_secret(path, pem)


def save_secret(path: Path, content: bytes) -> None:
    """Write `content` to a new file of mode 0600 that is whole or absent, durably."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)
        finally:
            temporary.unlink()
        sync_directory(path.parent)
    except FileExistsError:
        raise KeyFileError(f"{path} exists already; a key is never overwritten") from None
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}") from error


def load_signing_key(path: Path) -> SigningKey:
    """Read an Ed25519 or P-256 key."""
    key = _load(path, load_secret(path))
    if isinstance(key, (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey)):
        try:
            return SigningKey(key)
        except MalformedError as error:
            raise KeyFileError(f"{path}: {error}") from error
    raise KeyFileError(f"{path} holds no Ed25519 or P-256 key")


def load_sealing_key(path: Path) -> SealingKey:
    """Read an X25519 key, or an X25519 and an ML-KEM-768 key."""
    blocks = [block + _END for block in load_secret(path).split(_END) if block.strip()]
    keys = [_load(path, block) for block in blocks]
    match keys:
        case [x25519.X25519PrivateKey() as key]:
            return SealingKey(key)
        case [x25519.X25519PrivateKey() as key, mlkem.MLKEM768PrivateKey() as mlkem_key]:
            return SealingKey(key, mlkem_key)
    raise KeyFileError(f"{path} holds neither an X25519 key nor X25519 and ML-KEM-768")


def load_public_key(path: Path) -> VerifyKey:
    """Read a public key: PEM (SubjectPublicKeyInfo), or a COSE_Key, raw or in hexadecimal.

    The JSON that `pointeuse provision show --json` prints will do too.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"cannot read the public key {path}: {error.strerror}") from error
    if b"PRIVATE KEY" in data:
        raise KeyFileError(f"{path} is a private key, which never leaves its terminal")
    try:
        return _public(data)
    except (ValueError, LookupError, TypeError, MalformedError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path} holds no public key ({error}); write what"
            " `pointeuse provision show --json` prints"
        ) from error


def _public(data: bytes) -> VerifyKey:
    if data.startswith(b"-----BEGIN"):
        key = serialization.load_pem_public_key(data)
        if not isinstance(key, (ed25519.Ed25519PublicKey, ec.EllipticCurvePublicKey)):
            raise MalformedError("no Ed25519 or P-256 key")
        return VerifyKey(key)
    if data.startswith(b"{"):
        return VerifyKey.from_cose(bytes.fromhex(json.loads(data)["public_key"]))
    try:
        return VerifyKey.from_cose(bytes.fromhex(data.decode("ascii")))
    except ValueError:
        return VerifyKey.from_cose(data)


def load_secret(path: Path) -> bytes:
    """What `save_secret` wrote. Raises KeyFileError, also when others may read it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise KeyFileError(f"{path} is open to others (mode {mode:04o}); chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from error


def _load(path: Path, pem: bytes) -> Any:
    try:
        return serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} is not a PKCS #8 private key: {error}") from error
