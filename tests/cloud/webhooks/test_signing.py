"""Signatures by the standard's known answer, and checked by somebody else's library."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from cloud.webhooks import signing
from cloud.workers.vault import Vault, VaultError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, TIMESTAMP_S = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330
BODY = b'{"test": 2432232314}'
KNOWN = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_known_answer() -> None:
    assert signing.signature(SECRET, MESSAGE, TIMESTAMP_S, BODY) == KNOWN


@given(body=st.text(st.characters(codec="utf-8")))
def test_what_is_signed_is_verified_and_nothing_else(body: str) -> None:
    secret, other = signing.make_secret(), signing.make_secret()
    headers = signing.headers([secret, other], MESSAGE, int(time.time()), body.encode())
    for each in (secret, other):
        Webhook(each).verify(f'"{body.encode().hex()}"', _signed_anew(headers, each, body))
    for wrong in ({"webhook-id": "msg_x"}, {"webhook-timestamp": str(int(time.time()) + 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers | wrong)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.make_secret()).verify(body, headers)


def _signed_anew(headers: dict[str, str], secret: str, body: str) -> dict[str, str]:
    """The library reads what it verifies as JSON."""
    as_json = f'"{body.encode().hex()}"'.encode()
    return signing.headers(
        [secret], headers["webhook-id"], int(headers["webhook-timestamp"]), as_json
    )


def test_secrets_have_the_bits_that_the_standard_asks_for() -> None:
    secret = signing.make_secret()
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
    assert secret != signing.make_secret()


def test_a_secret_is_kept_sealed_and_bound_to_its_webhook(vault: Vault) -> None:
    secret = signing.make_secret()
    kept = signing.sealed(vault, 7, secret)
    assert secret.removeprefix("whsec_").encode() not in kept
    assert signing.unsealed(vault, 7, kept) == secret
    with pytest.raises(VaultError, match="another one"):
        signing.unsealed(vault, 71, kept)
    with pytest.raises(VaultError):
        signing.unsealed(Vault(b"k" * 32), 7, kept)
