"""Reading a terminal's public identity key, as people hand it over."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cloud.errors import InvalidError
from protocol.errors import MalformedError
from protocol.keys import VerifyKey


def from_hex(text: str) -> VerifyKey:
    """A COSE_Key in hexadecimal, as `pointeuse provision` prints it. Raises InvalidError."""
    try:
        return VerifyKey.from_cose(bytes.fromhex(text))
    except (ValueError, MalformedError) as error:
        raise InvalidError(
            f"the public key {text[:16]!r}... cannot be read ({error});"
            " copy it from `pointeuse provision show --json`"
        ) from None


def from_file(path: Path) -> VerifyKey:
    """A public key in a file: PEM (SubjectPublicKeyInfo), or a COSE_Key raw or in hexadecimal.

    Raises InvalidError.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidError(f"cannot read the public key {path}: {error.strerror}") from None
    if b"PRIVATE KEY" in data:
        raise InvalidError(f"{path} is a private key, which never leaves its terminal")
    try:
        if data.startswith(b"-----BEGIN"):
            key = serialization.load_pem_public_key(data)
            if not isinstance(key, (ed25519.Ed25519PublicKey, ec.EllipticCurvePublicKey)):
                raise InvalidError(f"{path} holds no Ed25519 or P-256 key")
            return VerifyKey(key)
        text = data.decode("ascii", "replace").strip()
        return VerifyKey.from_cose(bytes.fromhex(text) if is_hex(text) else data)
    except (ValueError, MalformedError) as error:
        raise InvalidError(
            f"{path} holds no public key ({error}); write the `public_key` that"
            " `pointeuse provision show --json` prints"
        ) from None


def is_hex(text: str) -> bool:
    """Whether `text` is hexadecimal and nothing else."""
    return bool(text) and all(character in "0123456789abcdefABCDEF" for character in text)
