"""The published vectors: what must be accepted is, what must be rejected is, with its error."""

import io
import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

import protocol
from protocol import archive, blobs, cbor, chain, cose, errors, seals, trust
from protocol.batches import Batch
from protocol.bodies import Body
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.disclosure import Disclosure
from protocol.hello import Hello
from protocol.identity import device_number, parse_device_number
from protocol.keys import VerifyKey
from protocol.receipts import verify_receipt
from protocol.seals import SealingKey
from protocol.verification import verify

DIRECTORY = Path(protocol.__file__).parent / "vectors"
_TEXT = {"why", "what", "error", "device_number", "number", "profile", "employer", "worker", "name",
         "reject_device_numbers", "toml"}  # fmt: skip


def load(name: str) -> Any:
    """A file's vectors, hexadecimal turned to bytes."""

    def unhex(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: unhex(item, k) for k, item in value.items()}
        if isinstance(value, list):
            return [unhex(item, key) for item in value]
        return bytes.fromhex(value) if isinstance(value, str) and key not in _TEXT else value

    return unhex(json.loads((DIRECTORY / f"{name}.json").read_text()))


VECTORS = {path.stem: load(path.stem) for path in DIRECTORY.glob("*.json")}


def rejecting(name: str) -> pytest.MarkDecorator:
    vectors = VECTORS[name]["reject"]
    return pytest.mark.parametrize("vector", vectors, ids=[v["why"] for v in vectors])


def expected(vector: Any) -> Any:
    kinds = tuple(getattr(errors, name) for name in vector["error"].split())
    return pytest.raises(kinds)


def sealing_key(raw: bytes) -> SealingKey:
    return SealingKey(x25519.X25519PrivateKey.from_private_bytes(raw))


def place(where: Any) -> blobs.Place:
    return blobs.Place(where["terminal"], where["epoch"], where["seq"], where["seal_id"])


def test_identities() -> None:
    for vector in VECTORS["identity"]["accept"]:
        key = VerifyKey.from_cose(vector["cose_key"])
        assert key.thumbprint == vector["thumbprint"]
        assert device_number(key.thumbprint) == vector["device_number"]


@rejecting("identity")
def test_keys_reject(vector: Any) -> None:
    with expected(vector):
        VerifyKey.from_cose(vector["cose_key"])


@pytest.mark.parametrize("text", VECTORS["identity"]["reject_device_numbers"])
def test_device_numbers_reject(text: str) -> None:
    with pytest.raises(ValueError, match="is not a device number"):
        parse_device_number(text)


def test_bodies() -> None:
    for vector in VECTORS["bodies"]["accept"]:
        body = Body.decode(vector["body"])
        assert body.encode() == vector["body"]
        assert (body.kind, body.seq) == (vector["kind"], vector["seq"])


@rejecting("bodies")
def test_bodies_reject(vector: Any) -> None:
    with expected(vector):
        Body.decode(vector["body"])


def test_disclosures() -> None:
    for vector in VECTORS["disclosures"]["accept"]:
        key = VerifyKey.from_cose(vector["key"])
        body, badge = Disclosure.decode(vector["message"]).verify(key)
        assert body.seq == vector["seq"]
        assert (badge.number if badge else None) == vector["number"]


@rejecting("disclosures")
def test_disclosures_reject(vector: Any) -> None:
    with expected(vector):
        Disclosure.decode(vector["message"]).verify(VerifyKey.from_cose(vector["key"]))


def test_archives() -> None:
    for vector in VECTORS["archives"]["accept"]:
        key = VerifyKey.from_cose(vector["key"])
        both: tuple[dict[str, Any], ...] = ({}, {"key": key, "trust": vector["trust"]})
        for given in both:
            report = verify(archive.read(io.BytesIO(vector["message"])), **given)
            assert (report.findings, report.terminal) == ([], key.thumbprint)
            (epoch,) = report.epochs
            assert (epoch.last, epoch.signed, epoch.ends) == (
                vector["last"],
                *[vector["receipt"]] * 2,
            )


@rejecting("archives")
def test_archives_reject(vector: Any) -> None:
    report = verify(archive.read(io.BytesIO(vector["message"])))
    assert report.findings[0].what == vector["what"]


def test_cbor() -> None:
    for vector in VECTORS["cbor"]["accept"]:
        assert cbor.encode(cbor.decode(vector["cbor"])) == vector["cbor"]


@rejecting("cbor")
def test_cbor_rejects(vector: Any) -> None:
    with expected(vector):
        cbor.decode(vector["cbor"])


def test_heads_and_links() -> None:
    for vector in VECTORS["heads"]["accept"]:
        key = VerifyKey.from_cose(vector["key"])
        head = chain.verify_head(vector["head"], key)
        link = chain.epoch_link(head.terminal, head.epoch)
        assert link == vector["links"][0]
        for body, wanted in zip(vector["bodies"], vector["links"][1:], strict=True):
            link = chain.next_link(link, body)
            assert link == wanted
        assert (head.seq, head.link) == (len(vector["bodies"]), link)


@rejecting("heads")
def test_heads_reject(vector: Any) -> None:
    with expected(vector):
        chain.verify_head(vector["head"], VerifyKey.from_cose(vector["key"]))


def test_seals_and_blobs() -> None:
    (vector,) = VECTORS["seals"]["accept"]
    seal = Body.decode(vector["seal_body"])
    for raw in vector["recipients"]:
        content = seals.open_seal(
            seal.data, [sealing_key(raw)], terminal=seal.terminal, epoch=seal.epoch, seq=seal.seq
        )
        assert content.key == vector["content_key"]
        badge = blobs.open_blob(vector["blob"], content, place(vector["place"]))
        for name, value in vector["badge"].items():
            assert getattr(badge, name) == value
    disclosed = blobs.open_disclosed(vector["blob"], vector["k"], place(vector["place"]))
    assert disclosed == badge
    ref = Body.decode(vector["body"]).blob_ref
    assert ref is not None
    assert ref.blob_hash == blobs.blob_hash(vector["blob"])


def test_a_hybrid_seal() -> None:
    vector = VECTORS["seals"]["hybrid"]
    key = SealingKey(
        x25519.X25519PrivateKey.from_private_bytes(vector["x25519"]),
        mlkem.MLKEM768PrivateKey.from_seed_bytes(vector["mlkem_seed"]),
    )
    content = seals.open_seal(
        cbor2.loads(vector["data"]), [key],
        terminal=vector["terminal"], epoch=vector["epoch"], seq=vector["seq"],
    )  # fmt: skip
    assert content.key == vector["content_key"]


@rejecting("seals")
def test_blobs_reject(vector: Any) -> None:
    content = seals.ContentKey(vector["place"]["seal_id"], vector["content_key"])
    with expected(vector):
        blobs.open_blob(vector["blob"], content, place(vector["place"]))


def test_batches_hello_and_disclosure() -> None:
    (vector,) = VECTORS["batches"]["accept"]
    batch = Batch.decode(vector["batch"])
    assert batch.encode() == vector["batch"]
    key = VerifyKey.from_cose(vector["key"])
    assert batch.prove(key, vector["terminal"]) == vector["links"]
    hello = VECTORS["batches"]["hello"]
    assert Hello.verify(hello["message"], key).nonce == hello["nonce"]
    disclosure = VECTORS["batches"]["disclosure"]
    body, badge = Disclosure.decode(disclosure["message"]).verify(key)
    assert badge is not None
    assert (body.seq, badge.number) == (disclosure["seq"], disclosure["number"])


@rejecting("batches")
def test_batches_reject(vector: Any) -> None:
    with expected(vector):
        Batch.decode(vector["batch"]).prove(VerifyKey.from_cose(vector["key"]), vector["terminal"])


def test_receipts() -> None:
    lookup = cose.keyring([VerifyKey.from_cose(VECTORS["receipts"]["key"])])
    for vector in VECTORS["receipts"]["accept"]:
        assert len(vector["messages"]) == vector["size"]
        for seq, message in enumerate(vector["messages"]):
            assert verify_receipt(message, lookup)[0].seq == seq


@rejecting("receipts")
def test_receipts_reject(vector: Any) -> None:
    lookup = cose.keyring([VerifyKey.from_cose(VECTORS["receipts"]["key"])])
    with expected(vector):
        verify_receipt(vector["message"], lookup)


def test_trust_configuration_and_commands() -> None:
    first, *rest = VECTORS["trust"]["accept"]
    found = trust.pin(first)
    for message in rest:
        found = trust.follow(found, message)
    assert found.number == 3
    lookup = cose.keyring([VerifyKey.from_cose(VECTORS["trust"]["config_key"])])
    vector = VECTORS["trust"]["configuration"]
    number = int(vector["number"])
    for newest in (0, number - 1):
        configuration = Configuration.verify(
            vector["message"], lookup, terminal=vector["terminal"], newer_than=newest,
            sealing_key=sealing_key(vector["sealing_key"]),
        )  # fmt: skip
        assert configuration.body == vector["body"]
    for wrong in ({"terminal": b"?" * 32}, {"newer_than": number}):
        options: dict[str, Any] = {"terminal": vector["terminal"], "newer_than": 0} | wrong
        with pytest.raises(errors.SignatureError):
            Configuration.verify(
                vector["message"], lookup, sealing_key=sealing_key(vector["sealing_key"]),
                **options,
            )  # fmt: skip
    vector = VECTORS["trust"]["command"]
    right = {"terminal": vector["terminal"], "nonce": vector["nonce"], "after": 4}
    assert Command.verify(vector["message"], lookup, **right).name == vector["name"]
    for change in ({"terminal": b"?" * 32}, {"nonce": b"?" * 16}, {"after": 5}):
        with pytest.raises(errors.SignatureError):
            Command.verify(vector["message"], lookup, **(right | change))


@rejecting("trust")
def test_trust_rejects(vector: Any) -> None:
    current = trust.pin(VECTORS["trust"]["accept"][0])
    with expected(vector):
        trust.follow(current, vector["message"])
