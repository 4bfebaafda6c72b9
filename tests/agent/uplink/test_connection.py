"""A connection that ends while it is being made, and brokers that do what ours does not."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from agent.uplink.connection import LARGEST, Connection, ConnectionLostError, Waker
from provisioning.certificates import Authority, load_key, make_authority, new_key_pem, pem


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


CONNACK = b"\x20\x03\x00\x00\x00"
PUBLISH = b"\x30\x09\x00\x03a/b\x00xyz"


@dataclass
class Broker:
    """One that says to a single client what a test has it say, whatever it is asked."""

    directory: Path

    def __post_init__(self) -> None:
        self.directory.mkdir()
        for name in ("ca", "tls"):
            (self.directory / f"{name}.key").write_bytes(new_key_pem())
        ca_key = load_key(self.directory / "ca.key")
        authority = Authority(ca_key, make_authority(ca_key))
        public = load_key(self.directory / "tls.key").public_key()
        (self.directory / "ca.crt").write_bytes(pem(authority.certificate))
        issued = authority.issue_server(public, "broker", ["localhost"])
        (self.directory / "tls.crt").write_bytes(pem(issued))
        self.listening = socket.create_server(("localhost", 0))
        self.heard = b""

    def says(self, speak: Callable[[ssl.SSLSocket], None]) -> Connection:
        """A connection to it, after which it does `speak`. Raises what Connection does."""
        thread = threading.Thread(target=self._serve, args=(speak,))
        thread.start()
        try:
            trusting = ssl.create_default_context(cafile=str(self.directory / "ca.crt"))
            port = self.listening.getsockname()[1]
            return Connection(
                "localhost", port, "me", trusting,
                keepalive_s=5, timeout_s=20, will=("t", b""), waker=Waker(),
            )  # fmt: skip
        finally:
            self.thread = thread

    def _serve(self, speak: Callable[[ssl.SSLSocket], None]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "tls.crt", self.directory / "tls.key")
        with suppress(OSError):
            peer, _ = self.listening.accept()
            with context.wrap_socket(peer, server_side=True) as secured:
                self.heard = secured.recv(4096)
                secured.sendall(CONNACK)
                speak(secured)
                while secured.recv(4096):
                    continue


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    yield broker
    broker.listening.close()
    broker.thread.join()


def test_messages_before_the_answer_to_subscribe_wait_their_turn(broker: Broker) -> None:
    """A broker may send what it retained before it says that the subscription holds."""

    def speak(peer: ssl.SSLSocket) -> None:
        subscribe = peer.recv(4096)
        number = subscribe[2:4]
        peer.sendall(PUBLISH + b"\x90\x04" + number + b"\x00\x01")

    with broker.says(speak) as connection:
        connection.subscribe(["a/b"])
        assert list(connection.inbox) == [("a/b", b"xyz")]


def test_a_message_larger_than_any_of_ours_is_not_taken(broker: Broker) -> None:
    def speak(peer: ssl.SSLSocket) -> None:
        peer.recv(4096)
        peer.sendall(b"\x30\xff\xff\xff\x7f\x00\x03a/b\x00")  # 256 MiB are to come
        with suppress(OSError):
            while True:
                peer.sendall(bytes(65536))

    with broker.says(speak) as connection:
        # The property MaximumPacketSize of CONNECT, for a broker that heeds it.
        assert b"\x27" + LARGEST.to_bytes(4, "big") in broker.heard
        with pytest.raises(ConnectionLostError, match="a message of 268435455 octets"):
            connection.subscribe(["a/b"])


def test_a_broker_that_sends_and_never_answers_fills_no_memory(broker: Broker) -> None:
    def speak(peer: ssl.SSLSocket) -> None:
        peer.recv(4096)
        with suppress(OSError):
            while True:
                peer.sendall(PUBLISH * 100)

    with (
        broker.says(speak) as connection,
        pytest.raises(ConnectionLostError, match="messages, and no answer"),
    ):
        connection.subscribe(["a/b"])
