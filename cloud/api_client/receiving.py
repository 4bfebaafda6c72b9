"""Receiving webhooks: whether a message is the platform's, and what it says (Standard Webhooks).

    from cloud.api_client.receiving import NotGenuineError, verify

    event = verify(body, headers, secret)   # raises NotGenuineError: answer 400, and do nothing
    if event.id not in seen: ...            # the same message may come again: only answer it

`body` is what came, octet for octet, before anything reads it as JSON.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import msgspec

TOLERANCE_S = 300
"""A message older than this, or from so far ahead, may be one that somebody kept and sends again:
the clocks of both sides differ by less."""


class NotGenuineError(Exception):
    """A message was not signed with the secret, or not lately. It says which; tell nobody."""


class Event(msgspec.Struct, frozen=True):
    """What a webhook is told of. Fields that a later server adds are left out."""

    type: str
    """Such as `registration.created`."""
    id: str
    """The same at every try, and when it is sent again."""
    timestamp: str
    """When it happened (RFC 3339)."""
    company: str
    """VAT number, with country."""
    url: str | None
    """Where the API shows the thing."""
    data: dict[str, Any] | None
    """The thing, as the API shows it; None when the webhook is not shown it."""


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance_s: int = TOLERANCE_S,
    now_s: float | None = None,
) -> Event:
    """The event in a message that came with some headers. Raises NotGenuineError.

    Signatures are compared in constant time. `secret` is as it was shown, `whsec_...`; it raises
    ValueError when it is none. `now_s` is this moment, in seconds since 1970, unless it is given.
    """
    key = _key(secret)
    found = {name.lower(): value for name, value in headers.items()}
    try:
        message, sent, signatures = (
            found[f"webhook-{name}"] for name in ("id", "timestamp", "signature")
        )
    except KeyError as error:
        raise NotGenuineError(f"the header {error} is missing") from None
    if not (sent.isascii() and sent.isdigit() and len(sent) < 16):
        raise NotGenuineError("webhook-timestamp is no number of seconds")
    signed = f"{message}.{sent}.".encode() + body
    expected = hmac.digest(key, signed, hashlib.sha256)
    if not any(hmac.compare_digest(expected, each) for each in _given(signatures)):
        raise NotGenuineError("no signature is of this secret")
    away_s = abs((time.time() if now_s is None else now_s) - int(sent))
    if away_s > tolerance_s:
        raise NotGenuineError(f"it was sent {away_s:.0f} s from now; is a clock wrong?")
    try:
        return msgspec.json.decode(body, type=Event)
    except msgspec.DecodeError as error:
        raise NotGenuineError(f"it is signed, and no event: {error}") from None


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("this is no secret of a webhook; it begins with whsec_") from None


def _given(signatures: str) -> list[bytes]:
    """Those of version 1; others may stand beside them."""
    found = []
    for each in signatures.split():
        version, _, text = each.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(text, validate=True))
            except ValueError:
                continue
    return found
