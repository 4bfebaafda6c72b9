"""Codes that people read from a screen and type in: given out once, and kept as their hash."""

import base64
import hashlib
import secrets

_OCTETS = 10
"""80 bits, which nobody finds by trying, nor from a hash."""
_GROUP = 4


def make() -> str:
    """A new code: 16 letters and digits (base32, RFC 4648, section 6) in groups of four."""
    text = base64.b32encode(secrets.token_bytes(_OCTETS)).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def digest(code: str) -> bytes:
    """What is kept of a code, and looked up, however it was typed."""
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(plain.encode()).digest()
