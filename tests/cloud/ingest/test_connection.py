"""A connection that ends while it is being made."""

import ssl
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from cloud.ingest.connection import Connection, ConnectionLostError


class _Context(ssl.SSLContext):
    """TLS that asks for no files."""

    def load_cert_chain(self, *_: Any, **__: Any) -> None:
        return None


def test_a_broker_that_hangs_up_at_once_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        ssl, "create_default_context", lambda **_: _Context(ssl.PROTOCOL_TLS_CLIENT)
    )
    # paho notices that CONNECT cannot be written, and closes its socket without an error.
    monkeypatch.setattr(mqtt.Client, "connect", lambda *_, **__: mqtt.MQTT_ERR_CONN_LOST)
    with pytest.raises(ConnectionLostError, match="x:1 ended the connection as it began"):
        Connection("x", 1, tmp_path)
