"""One MQTT 5 connection: a fresh paho client, its loop driven from our own select.

paho queues nothing for us: it is given one message at a time, and thrown away with the connection.
"""

import os
import select
import socket
import ssl
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: certificate dates mean nothing while the clock may be wrong."""
LARGEST = 1024 * 1024
"""Octets of a message from the broker at most; ours lets through a quarter of it."""

_MOST = 16
"""Messages that wait while we wait for an answer: the platform sends us none unasked for."""


class ConnectionLostError(Exception):
    """The connection ended or never came to be; the message says why."""


class RefusedError(ConnectionLostError):
    """The broker refused a message or a subscription: the certificate or its rights are wrong."""


def tls_context(state: Path, *, check_dates: bool) -> ssl.SSLContext:
    """TLS with the terminal's client certificate, trusting its CA file alone."""
    context = ssl.create_default_context(cafile=str(state / "ca.crt"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(state / "tls.crt", state / "tls.key")
    if not check_dates:
        context.verify_flags |= _NO_CHECK_TIME
    return context


def _wishes() -> Properties:
    """What CONNECT says of us (MQTT 5, section 3.1.2.11)."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = LARGEST
    return properties


class Waker:
    """Lets another thread end a wait in `Connection.pump`."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """For select."""
        return self._fd

    def wake(self) -> None:
        """End the wait, or the next one."""
        os.eventfd_write(self._fd, 1)

    def clear(self) -> bool:
        """Whether anybody woke us since the last call."""
        try:
            return os.eventfd_read(self._fd) > 0
        except BlockingIOError:
            return False


class Connection:
    """A connected client, as a context manager. Every method may raise ConnectionLostError."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        context: ssl.SSLContext,
        *,
        keepalive_s: int,
        timeout_s: float,
        will: tuple[str, bytes],
        waker: Waker,
    ) -> None:
        self.inbox: deque[tuple[str, bytes]] = deque()
        self.maximum_packet = 1 << 28
        self._waker = waker
        self._timeout_s = timeout_s
        self._subscribed = False
        self._connected = False
        self._failure: ConnectionLostError | None = None
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.tls_set_context(context)
        client.connect_timeout = timeout_s
        client.will_set(*will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        try:
            client.connect(host, port, keepalive_s, clean_start=True, properties=_wishes())
            # A peer that vanished mid-message must not hold the thread beyond the resend time.
            sock: Any = client.socket()
            if sock is None:
                raise ConnectionLostError(f"{host}:{port} ended the connection as it began")
            sock.settimeout(0)
            # With Nagle's algorithm each batch would wait 40 ms for the ACK of the one before.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise ConnectionLostError(f"cannot reach {host}:{port}: {error}") from error
        self._until(lambda: self._connected, "the broker does not answer CONNECT")

    def subscribe(self, topics: list[str]) -> None:
        """Subscribe at QoS 1, and wait until it holds."""
        self._subscribed = False
        self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        self._until(lambda: self._subscribed, "the broker does not answer SUBSCRIBE")

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: float | None = None
    ) -> None:
        """Send one message at QoS 1; its PUBACK means nothing to us, a refusal ends the session."""
        properties = None
        if expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, int(expiry_s))
        self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        self._raise_failure()

    def pump(self, timeout_s: float) -> None:
        """Serve until something was received, the waker woke us, or the time is up."""
        deadline = time.monotonic() + timeout_s
        while not self.inbox:
            self._turn(deadline)
            if self._waker.clear() or time.monotonic() >= deadline:
                return

    def _turn(self, deadline: float) -> None:
        """Wait for the network or the waker, not beyond `deadline`, and do what is due."""
        sock: Any = self._client.socket()
        if sock is None:
            raise self._failure or ConnectionLostError("the connection was closed")
        left = max(0.0, deadline - time.monotonic())
        if sock.pending():
            readable: list[Any] = [sock]
            writable: list[Any] = []
        else:
            wanted = [sock] if self._client.want_write() else []
            readable, writable, _ = select.select([sock, self._waker], wanted, [], min(left, 1))
        if sock in readable:
            self._client.loop_read()
            self._refuse_large()
        if writable:
            self._client.loop_write()
        self._client.loop_misc()
        self._raise_failure()

    def _refuse_large(self) -> None:
        """A broker may disregard what it was told, and paho would take 256 MiB into memory."""
        octets = self._client._in_packet["remaining_length"]  # noqa: SLF001 - nothing else tells
        if octets > LARGEST:
            raise ConnectionLostError(
                f"the broker sends a message of {octets} octets: at most {LARGEST} are taken"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.on_disconnect = None
        if error is None:
            self._client.disconnect()
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()

    def _until(self, done: Any, otherwise: str) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not done():
            if time.monotonic() >= deadline:
                raise ConnectionLostError(f"{otherwise} within {self._timeout_s:g} s")
            # Messages may come before the answer (MQTT 5, section 3.8.4): they wait in the inbox.
            self._turn(deadline)
            self._waker.clear()
            if len(self.inbox) > _MOST:
                raise ConnectionLostError(f"the broker sends {_MOST} messages, and no answer")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # -- paho's callbacks --------------------------------------------------------------------

    def _on_connect(self, *arguments: Any) -> None:
        reason, properties = arguments[3], arguments[4]
        if reason.is_failure:
            self._failure = RefusedError(f"the broker refuses the connection: {reason}")
            return
        self.maximum_packet = getattr(properties, "MaximumPacketSize", self.maximum_packet)
        self._connected = True

    def _on_subscribe(self, *arguments: Any) -> None:
        refused = [str(code) for code in arguments[3] if code.is_failure]
        if refused:
            self._failure = RefusedError(f"the broker refuses a subscription: {refused[0]}")
        self._subscribed = True

    def _on_publish(self, *arguments: Any) -> None:
        reason = arguments[3]
        if reason.value >= 0x80:
            self._failure = RefusedError(f"the broker refuses a message: {reason}")

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self.inbox.append((message.topic, bytes(message.payload)))

    def _on_disconnect(self, *arguments: Any) -> None:
        self._failure = self._failure or ConnectionLostError(f"the broker ended it: {arguments[3]}")
