"""The platform's MQTT connection: messages in, acknowledged by hand; receipts out.

A fresh client for each connection. paho's own thread serves the socket; whatever it receives waits
in one queue for the thread that writes the database.
"""

import queue
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud.ingest.messages import Incoming
from protocol import topics
from protocol.errors import MalformedError

_SHARED = ("hello", "records")
"""What one of the processes of ingest takes; the rest is for all of them, retained as it is."""
RECEIVE_MAXIMUM = 512
"""Messages the broker may have under way to us: unacknowledged ones wait in memory.

Messages of QoS 0 are never acknowledged, so nothing holds them back: when as many wait already,
they are dropped.
"""
_CONNECT_S = 15


class ConnectionLostError(Exception):
    """The connection ended or never came to be; the message says why."""


class Connection:
    """A connected, subscribed client. Every method may raise ConnectionLostError."""

    def __init__(self, host: str, port: int, directory: Path, worker: int = 1) -> None:
        """`directory` holds the certificates; each process of ingest, `worker`, has its own."""
        name = "ingest" if worker == 1 else f"ingest-{worker}"
        client_id = f"pointeuse-{name}"  # the broker makes it so, by the certificate
        self._inbox: queue.SimpleQueue[Incoming | ConnectionLostError] = queue.SimpleQueue()
        context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        context.load_cert_chain(directory / f"{name}.crt", directory / f"{name}.key")
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.tls_set_context(context)
        client.connect_timeout = _CONNECT_S
        client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        self._subscribed: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        try:
            client.connect(host, port, keepalive=30, clean_start=True, properties=properties)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise ConnectionLostError(f"cannot reach {host}:{port}: {error}") from error
        connected: Any = client.socket()
        if connected is None:
            raise ConnectionLostError(f"{host}:{port} ended the connection as it began")
        # With Nagle's algorithm each receipt would wait 40 ms for the ACK of the one before.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.loop_start()
        thread = f"paho-mqtt-client-{client_id}"
        self._thread = next((t for t in threading.enumerate() if t.name == thread), None)
        try:
            refused = self._subscribed.get(timeout=_CONNECT_S)
        except queue.Empty:
            refused = f"the broker does not answer within {_CONNECT_S} s"
        if refused is not None:
            self.close()
            raise ConnectionLostError(refused)

    def take(self, most: int, most_bytes: int, timeout_s: float) -> list[Incoming]:
        """What waits, until there are `most` messages or octets; [] when nothing came."""
        found: list[Incoming] = []
        try:
            found.append(self._checked(self._inbox.get(timeout=timeout_s)))
            size = len(found[0].payload)
            while len(found) < most and size < most_bytes:
                found.append(self._checked(self._inbox.get_nowait()))
                size += len(found[-1].payload)
        except queue.Empty:
            if not found and (self._thread is None or not self._thread.is_alive()):
                # An error inside paho ends its thread without a word.
                raise ConnectionLostError("the network thread has ended") from None
        return found

    def acknowledge(self, group: Sequence[Incoming]) -> None:
        """Tell the broker that these are in custody."""
        for incoming in group:
            if incoming.qos:
                self._client.ack(incoming.mid, incoming.qos)

    def publish(self, device: str, name: str, payload: bytes) -> None:
        """Send to a terminal. Nothing waits for the broker's answer: the terminal asks again."""
        self._client.publish(topics.topic(device, name), payload, qos=1)

    def close(self) -> None:
        """Disconnect, and end paho's thread."""
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()

    def _checked(self, item: Incoming | ConnectionLostError) -> Incoming:
        if isinstance(item, ConnectionLostError):
            raise item
        return item

    # -- paho's callbacks, in paho's thread --------------------------------------------------

    def _on_connect(self, *arguments: Any) -> None:
        reason = arguments[3]
        if reason.is_failure:
            self._subscribed.put(f"the broker refuses the connection: {reason}")
            return
        options = SubscribeOptions(qos=1)
        self._client.subscribe([(_filter(name), options) for name in topics.FROM_TERMINAL])

    def _on_subscribe(self, *arguments: Any) -> None:
        refused = [str(code) for code in arguments[3] if code.is_failure]
        self._subscribed.put(
            f"the broker refuses a subscription: {refused[0]}" if refused else None
        )

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            device, name = topics.parse(message.topic)
        except MalformedError:
            self._client.ack(message.mid, message.qos)
            return
        if message.qos == 0 and self._inbox.qsize() >= RECEIVE_MAXIMUM:
            return
        self._inbox.put(
            Incoming(device, name, bytes(message.payload), message.mid, message.qos, message.retain)
        )

    def _on_disconnect(self, *arguments: Any) -> None:
        self._inbox.put(ConnectionLostError(f"the broker ended it: {arguments[3]}"))


def _filter(name: str) -> str:
    """What to subscribe to: shared among all processes (MQTT 5, 4.8.2), or for each of them."""
    topic = topics.every(name)
    return f"$share/pointeuse-ingest/{topic}" if name in _SHARED else topic
