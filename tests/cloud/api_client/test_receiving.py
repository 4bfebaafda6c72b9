"""What a receiver believes: messages signed by somebody else's library, lately, and no others."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from cloud.api_client.receiving import Event, NotGenuineError, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW_S = 1_790_000_000
TOLD = {
    "type": "worker.changed", "id": "msg_1", "timestamp": "2026-09-21T16:13:20+02:00",
    "company": "BE0403019261", "url": "/v1/workers/7", "data": None, "of_a_later_server": 1,
}  # fmt: skip
BODY = json.dumps(TOLD).encode()


def signed(body: bytes = BODY, at_s: int = NOW_S, secret: str = SECRET) -> dict[str, str]:
    moment = datetime.fromtimestamp(at_s, UTC)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(at_s),
        "Webhook-Signature": Webhook(secret).sign("msg_1", moment, body.decode()),
        "Content-Type": "application/json",
    }


def test_what_is_signed_is_read() -> None:
    event = verify(BODY, signed(), SECRET, now_s=NOW_S)
    assert event == Event(
        "worker.changed", "msg_1", "2026-09-21T16:13:20+02:00", "BE0403019261", "/v1/workers/7",
        None,
    )  # fmt: skip
    assert verify(BODY, signed(at_s=int(time.time())), SECRET) == event


def test_while_a_secret_is_replaced_either_is_believed() -> None:
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    both = signed()
    both["Webhook-Signature"] = (
        f"v1a,xyz v1,### {signed(secret=other)['Webhook-Signature']} {both['Webhook-Signature']}"
    )
    for secret in (SECRET, other):
        assert verify(BODY, both, secret, now_s=NOW_S).id == "msg_1"


@pytest.mark.parametrize(
    ("away_s", "believed"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_what_was_sent_long_ago_is_not_believed(away_s: int, believed: bool) -> None:
    headers = signed(at_s=NOW_S - away_s)
    if believed:
        verify(BODY, headers, SECRET, now_s=NOW_S)
        return
    with pytest.raises(NotGenuineError, match="301 s from now"):
        verify(BODY, headers, SECRET, now_s=NOW_S)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Webhook-Id": "msg_2"}, "no signature"),
        ({"Webhook-Timestamp": str(NOW_S + 1)}, "no signature"),
        ({"Webhook-Timestamp": "now"}, "no number of seconds"),
        ({"Webhook-Timestamp": "-1"}, "no number of seconds"),
        ({"Webhook-Timestamp": "1" * 5000}, "no number of seconds"),
        ({"Webhook-Signature": ""}, "no signature"),
        ({"Webhook-Signature": "v1,"}, "no signature"),
        ({"Webhook-Signature": "v2," + "A" * 44}, "no signature"),
        ({"Webhook-Signature": "v1," + "é" * 9}, "no signature"),
    ],
)
def test_what_is_not_believed(headers: dict[str, str], why: str) -> None:
    with pytest.raises(NotGenuineError, match=why):
        verify(BODY, signed() | headers, SECRET, now_s=NOW_S)


@pytest.mark.parametrize("name", ["Id", "Timestamp", "Signature"])
def test_a_header_that_is_missing(name: str) -> None:
    headers = signed()
    del headers[f"Webhook-{name}"]
    with pytest.raises(NotGenuineError, match=f"webhook-{name.lower()}"):
        verify(BODY, headers, SECRET, now_s=NOW_S)


@given(body=st.binary(), at=st.integers(0, len(BODY) - 1))
def test_no_other_body_is_believed(body: bytes, at: int) -> None:
    turned = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
    for other in (turned, body):
        with pytest.raises(NotGenuineError):
            verify(other, signed(), SECRET, now_s=NOW_S)


def test_what_is_signed_and_no_event() -> None:
    with pytest.raises(NotGenuineError, match="no event"):
        verify(b'{"type": 1}', signed(b'{"type": 1}'), SECRET, now_s=NOW_S)


def test_what_is_no_secret() -> None:
    with pytest.raises(ValueError, match="begins with whsec_"):
        verify(BODY, signed(), "hunter2", now_s=NOW_S)
