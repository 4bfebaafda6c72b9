"""A record that nobody can understand waits, and says why; nothing and nobody waits behind it."""

import hashlib
import queue
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hwsim.processes import run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal
from protocol import blobs, topics
from protocol.badges import Assurance, Badge
from protocol.bodies import BlobRef, Direction, Kind
from protocol.keyfiles import load_sealing_key, load_signing_key, save_private_key
from protocol.receipts import Leaf, Verdict, unverified_receipt
from protocol.seals import SealingKey
from tests.cloud.terminal import FakeTerminal
from tests.integration.test_path import WholePath
from tests.support.wire import connected

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_UNKNOWN_KIND = 99


@pytest.fixture
def path(tmp_path: Path) -> Iterator[WholePath]:
    with (
        Stack(tmp_path / "stack") as stack,
        SerialReader(tmp_path / "reader", "rdm6300") as reader,
    ):
        yield WholePath(stack, reader)


class Poisoner(FakeTerminal):
    """An enrolled terminal whose program signs whatever it is told to."""

    def __init__(self, terminal: Terminal, sealing: SealingKey) -> None:
        super().__init__(load_signing_key(terminal.state / "identity.key"), sealing)

    def garbage(self) -> int:
        """A tap that is sealed as every tap is, with what is no badge."""
        content = self.content or self.seal()
        place = blobs.Place(self.thumbprint, self.epoch, self.head + 1, content.seal_id)
        salt = secrets.token_bytes(16)
        key = blobs.tap_key(content, salt, place)
        padded = (secrets.token_bytes(40) + b"\x80").ljust(64, b"\0")
        sealed = AESGCM(key).encrypt(bytes(12), padded, place.aad())
        return self._tap(salt + sealed + hashlib.sha256(b"pointeuse/1/kc" + key).digest())

    def moved(self) -> int:
        """A tap with a blob that was sealed for another place."""
        assert self.content is not None
        place = blobs.Place(self.thumbprint, self.epoch, 1, self.content.seal_id)
        return self._tap(blobs.seal_badge(Badge("0", "em4100", Assurance.UID), self.content, place))

    def strange(self, key: SealingKey, number: str) -> tuple[int, int]:
        """A seal for another key than the platform's, and a tap under it."""
        content, platform = self.content, self.platform
        self.platform = key
        self.seal()
        places = self.head, self.tap(number)
        self.content, self.platform = content, platform
        return places

    def _tap(self, blob: bytes) -> int:
        assert self.content is not None
        ref = BlobRef(self.content.seal_id, blobs.blob_hash(blob))
        return self.add(Kind.TAP, blob, reader="gate", direction=Direction.IN, blob_ref=ref)


class Sender:
    """Sends a terminal's batches, and waits for their receipts."""

    def __init__(self, client: mqtt.Client, device: str) -> None:
        self._client, self._device = client, device
        self._receipts: queue.SimpleQueue[Leaf] = queue.SimpleQueue()
        client.on_message = self._on_message
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.subscribe(topics.topic(device, "receipts"), qos=1)
        assert subscribed.wait(10)

    def send(self, batch: bytes) -> Leaf:
        self._client.publish(topics.topic(self._device, "records"), batch, qos=1)
        return self._receipts.get(timeout=10)

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._receipts.put(unverified_receipt(bytes(message.payload)))


def registered(path: WholePath, device: str) -> list[str]:
    found = path.stack.registrations()
    return sorted(each["badge"] for each in found if each["device"].replace("-", "") == device)


def waits(path: WholePath) -> dict[int, str]:
    """Why each record waits, by its seq; only of the terminal that sent such."""
    items: list[dict[str, Any]] = path.stack.get("/v1/waiting")["items"]
    assert all(each["detail"] and each["tried_at"] for each in items)
    assert len({each["device"] for each in items}) == 1
    return {each["seq"]: each["reason"] for each in items}


def test_it_waits_visibly_and_alone(path: WholePath) -> None:
    path.tap(2)
    terminal = path.stack.add_terminal("poisoner")
    run("cloud", "terminal", "add", "--key", terminal.public_key, "--config", path.stack.settings)
    keys = path.stack.platform / "keys"
    poisoner = Poisoner(terminal, load_sealing_key(keys / "sealing.key"))
    lost = SealingKey.generate()

    good = [f"{number:010X}" for number in range(0xA0, 0xA6)]
    poisoner.tap(good[0])
    poisons = {poisoner.garbage(): "undecodable"}
    poisoner.tap(good[1])
    poisons[poisoner.add_raw(b"\xff\x00 no CBOR")] = "undecodable"
    poisoner.tap(good[2])
    poisons[poisoner.moved()] = "wrong-blob"
    poisons[poisoner.add(_UNKNOWN_KIND)] = "unknown-kind"
    poisoner.tap(good[3])
    sealed = poisoner.strange(lost, good[5])
    first = poisoner.head
    with connected(terminal.state, "tls", path.stack.broker_port) as client:
        sender = Sender(client, poisoner.device)
        leaf = sender.send(poisoner.batch())
        assert (leaf.verdict, leaf.seq) == (Verdict.STORED, first)
        path.tap(2)
        poisoner.tap(good[4])
        leaf = sender.send(poisoner.batch(first + 1))
        assert (leaf.verdict, leaf.seq) == (Verdict.STORED, first + 1)
    wait_for(lambda: registered(path, poisoner.device) == good[:5], "somebody waits behind it")
    path.tap(2)
    path.terminal.wait_delivered()
    device = path.terminal.device.replace("-", "")
    wanted = [f"{number:010X}" for number in range(1, path.made + 1)]
    wait_for(lambda: registered(path, device) == wanted, "another terminal waits for it")
    assert waits(path) == poisons | dict.fromkeys(sealed, "no-key")

    # Understood at last: the key that was thought lost is found.
    path.ingest.stop()
    save_private_key(keys / "sealing-found.key", lost)
    said = run("cloud", "reinterpret", "--config", path.stack.settings)
    assert f"{len(poisons)} records wait" in said
    assert registered(path, poisoner.device) == good
    assert registered(path, device) == wanted
    assert waits(path) == poisons
