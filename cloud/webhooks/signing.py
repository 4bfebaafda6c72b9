"""Secrets of webhooks, and signatures by them (Standard Webhooks 1.0.0, symmetric signatures).

A signature is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. The vault keeps a
secret, bound to its webhook; it is given out once, and never logged.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from cloud.workers.vault import Vault, VaultError

PREFIX = "whsec_"
_OCTETS = 32
"""The standard asks for 24 to 64."""


def make_secret() -> str:
    """A new secret as it is given out: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_OCTETS)).decode()


def signature(secret: str, message: str, timestamp_s: int, body: bytes) -> str:
    """What a secret signs a message with; `timestamp_s` counts seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(given: Iterable[str], message: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The headers of a message, signed with each of some secrets."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(
            signature(each, message, timestamp_s, body) for each in given
        ),
    }


def sealed(vault: Vault, webhook: int, secret: str) -> bytes:
    """A secret as the database keeps it."""
    return vault.seal(_bound(webhook) + secret)


def unsealed(vault: Vault, webhook: int, kept: bytes) -> str:
    """A secret as it was given out. Raises VaultError, also when it is of another webhook."""
    found = vault.unseal(kept)
    if not found.startswith(_bound(webhook)):
        raise VaultError(f"the secret of webhook {webhook} was sealed for another one: replace it")
    return found.removeprefix(_bound(webhook))


def _bound(webhook: int) -> str:
    return f"webhook:{webhook}:"
