"""The wire between a broker and whoever is connected to it: heard, spoken on, and cut, by the test.

A `Wire` holds a certificate of the platform's own (of its second process of ingest, which a test
that uses one does not start). It hears every receipt, and says whatever the platform could say.
"""

import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from hwsim.processes import Process
from protocol import topics
from protocol.receipts import Leaf, unverified_receipt
from tests.support.waiting import wait_for

_NAME = "ingest-2"
_NOBODY = "nobody"
_TERMINALS_READ = f"pattern read {topics.topic('%u', 'receipts')}"


@contextmanager
def connected(directory: Path, name: str, port: int) -> Iterator[mqtt.Client]:
    """A client with the certificate `name`.crt in `directory`, its network thread running."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    context.load_cert_chain(directory / f"{name}.crt", directory / f"{name}.key")
    client.tls_set_context(context)
    client.connect("localhost", port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


class Wire:
    """Hears all receipts; use it in a `with` block, with a broker that was made for two ingests."""

    def __init__(self, platform: Path, port: int, broker: Process) -> None:
        self.heard: list[bytes] = []
        """Every receipt since, in the order of the broker."""
        self._platform, self._port, self._broker = platform, port, broker
        self._rules = (platform / "acl").read_text()
        self._heard_itself = False

    def __enter__(self) -> Self:
        self._connected = connected(self._platform, _NAME, self._port)
        self._client = self._connected.__enter__()
        self._client.on_message = self._on_message
        with (self._platform / "mosquitto.conf").open("a") as settings:
            settings.write("log_type information\n")
        # This first time it does not say yet that it has read them: the wire hears itself.
        self._rule(cut=False)
        self._client.subscribe(topics.every("receipts"), qos=1)
        wait_for(self._hears, "the wire hears itself")
        return self

    def __exit__(self, *_: object) -> None:
        self._connected.__exit__(None, None, None)
        (self._platform / "acl").write_text(self._rules)

    def cut(self) -> None:
        """No terminal gets a receipt any more: the broker takes them, and drops them."""
        self._change(cut=True)

    def mend(self) -> None:
        """Terminals get their receipts again; those of meanwhile are gone."""
        self._change(cut=False)

    def forget(self) -> None:
        """The broker is about to be another process, with the rules it was made with."""
        (self._platform / "acl").write_text(self._rules)

    def say(self, device: str, message: bytes) -> None:
        """Send a receipt to a terminal; back when the broker has it."""
        self._client.publish(topics.topic(device, "receipts"), message, qos=1).wait_for_publish(10)

    def leaves(self) -> list[Leaf]:
        """What was heard, by what it says."""
        return [unverified_receipt(message) for message in list(self.heard)]

    def _rule(self, *, cut: bool) -> None:
        """Change the broker's rules."""
        rules = self._rules.replace(_TERMINALS_READ, "") if cut else self._rules
        more = f"user pointeuse-{_NAME}\ntopic read {topics.every('receipts')}\n"
        (self._platform / "acl").write_text(f"{rules}\n{more}")
        os.kill(self._broker.pid, signal.SIGHUP)

    def _change(self, *, cut: bool) -> None:
        """Change the broker's rules, and wait until the new ones hold."""
        before = self._reloads()
        self._rule(cut=cut)
        # It says so first, and then takes no message until it is done.
        wait_for(lambda: self._reloads() > before, "the broker has the new rules")

    def _reloads(self) -> int:
        return self._broker.log.read_text().count("Reloading config")

    def _hears(self) -> bool:
        self.say(_NOBODY, b"")
        return self._heard_itself

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == topics.topic(_NOBODY, "receipts"):
            self._heard_itself = True
        else:
            self.heard.append(bytes(message.payload))
