"""A connection that ends while it is being made."""

import ssl

import paho.mqtt.client as mqtt
import pytest

from agent.uplink.connection import Connection, ConnectionLostError, Waker


def test_a_broker_that_hangs_up_at_once_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # paho notices that CONNECT cannot be written, and closes its socket without an error.
    monkeypatch.setattr(mqtt.Client, "connect", lambda *_, **__: mqtt.MQTT_ERR_CONN_LOST)
    context = ssl.create_default_context()
    with pytest.raises(ConnectionLostError, match="x:1 ended the connection as it began"):
        Connection(
            "x", 1, "me", context, keepalive_s=5, timeout_s=1, will=("t", b""), waker=Waker()
        )
