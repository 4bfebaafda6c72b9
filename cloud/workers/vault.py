"""Keeping INSS numbers: encrypted, and found again by a keyed hash. A database alone tells none.

The key is `keys/people.key` in the platform's directory, made when it is first needed. Two keys are
derived from it (HKDF, RFC 5869): AES-256-GCM encrypts, HMAC-SHA256 finds. There are only some
10^10 numbers, so a hash without a key would be no secret.
"""

import contextlib
import hashlib
import hmac
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cloud.errors import CloudError
from protocol.durable import sync_directory

_NAME = "people.key"
_SIZE = 32
_NONCE = 12


class VaultError(CloudError):
    """Encrypted numbers cannot be made or read."""


class Vault:
    """Encrypts numbers of people, and finds them."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(_derived(key, b"pointeuse people: encrypt"))
        self._finder = _derived(key, b"pointeuse people: find")

    @classmethod
    def open(cls, directory: Path) -> "Vault":
        """The vault of a platform's directory. Raises VaultError."""
        path = directory / "keys" / _NAME
        try:
            _make_if_absent(path)
            key = path.read_bytes()
        except OSError as error:
            raise VaultError(f"cannot use {path}: {error.strerror}") from error
        if len(key) != _SIZE:
            raise VaultError(f"{path} is not a key of {_SIZE} bytes: restore it from its backup")
        return cls(key)

    def seal(self, number: str) -> bytes:
        """A number encrypted: nonce (12 bytes), ciphertext, tag (16)."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, number.encode(), None)

    def unseal(self, sealed: bytes) -> str:
        """The number in what `seal` made. Raises VaultError."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                f"a number was encrypted under another key: restore {_NAME} from its backup"
            ) from error

    def mark(self, number: str) -> bytes:
        """What a number is found by: 32 bytes, always the same for it."""
        return hmac.digest(self._finder, number.encode(), hashlib.sha256)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _SIZE, None, purpose).derive(key)


def _make_if_absent(path: Path) -> None:
    """Of several processes at once one makes it; nobody ever reads half of it."""
    if path.exists():
        return
    # Its mode is 0600, and it is gone when the block ends, whatever happens in it.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{_NAME}.") as file:
        file.write(os.urandom(_SIZE))
        file.flush()
        os.fsync(file.fileno())
        # Unlike a rename, a link does not replace what another process made meanwhile.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(file.name)
    sync_directory(path.parent)
