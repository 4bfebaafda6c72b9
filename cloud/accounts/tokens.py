"""Secrets that travel in cookies, links and headers: given out once, and kept as their hash."""

import hashlib
import secrets

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

_BYTES = 32


def make() -> str:
    """A new token, 43 characters that need no escaping in an address."""
    return secrets.token_urlsafe(_BYTES)


def digest(token: str) -> bytes:
    """What is kept of a token, and looked up. 256 random bits need no salt.

    Raises InvalidError for what was never a token.
    """
    if len(token) != 43 or not token.isascii():
        raise InvalidError(
            _("the link or session is not whole; copy it again, or ask for a new one")
        )
    return hashlib.sha256(token.encode()).digest()
