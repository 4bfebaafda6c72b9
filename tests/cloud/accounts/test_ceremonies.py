"""What browsers are asked, and what is made of their answers: published ones, and wrong ones."""

import json
import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn import verify_authentication_response

from cloud.accounts import ceremonies
from cloud.accounts.ceremonies import Assertion, Creation, Holder, creation, request
from cloud.accounts.party import Party
from cloud.errors import InvalidError
from tests.cloud.authenticator import (
    BACKED_UP,
    ELIGIBLE,
    ORIGIN,
    PRESENT,
    VERIFIED,
    Authenticator,
    cose_key,
    octets,
    signed,
)

EXAMPLE = Party("example.org", "https://example.org")
HERE = Party("localhost", ORIGIN)
ANN = Holder(bytes(range(64)), "ann@example.be", "Ann Maes")
CHALLENGE = bytes(range(32))

# WebAuthn Level 3, section 16: test vectors.
SELF_ID = "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c"
SELF_CHALLENGE = "7869c2b772d4b58eba9378cf8f29e26cf935aa77df0da89fa99c0bdc0a76f7e5"
SELF_CLIENT = "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a205539685458764b453255526b4d6e625f307859485667227d"  # noqa: E501
SELF_OBJECT = "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2"  # noqa: E501
NONE_ID = "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4"
NONE_CHALLENGE = "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130"
NONE_CLIENT = "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c453551227d"  # noqa: E501
NONE_OBJECT = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220"  # noqa: E501
FRAMED_ID = "6e1050c0d2ca2f07c755cb2c66a74c64fa43065c18f938354d9915db2bd5ce57"
FRAMED_CHALLENGE = "3be5aacd03537142472340ab5969f240f1d87716e20b6807ac230655fa4b3b49"
FRAMED_CLIENT = "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a224f2d57717a514e5463554a484930437257576e7951504859647862694332674872434d475666704c4f306b222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a747275652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a207a5a7175457444523944577170573574425754467567227d"  # noqa: E501
FRAMED_OBJECT = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b54500000000883f4f6014f19c09d87aa38123be48d000206e1050c0d2ca2f07c755cb2c66a74c64fa43065c18f938354d9915db2bd5ce57a501020326200121582022200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d225820cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e"  # noqa: E501
NONE_GET_CHALLENGE = "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408"
NONE_GET_CLIENT = "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d"  # noqa: E501
NONE_GET_DATA = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000"
NONE_GET_SIGNATURE = "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87"  # noqa: E501


def text(octets_in_hex: str) -> str:
    return urlsafe_b64encode(bytes.fromhex(octets_in_hex)).rstrip(b"=").decode()


def published(name: str, client: str, **response: str) -> str:
    told = {key: text(value) for key, value in {"clientDataJSON": client, **response}.items()}
    return json.dumps(
        {"id": text(name), "rawId": text(name), "type": "public-key", "response": told}
    )


def test_a_published_passkey_is_taken() -> None:
    said = Creation(published(SELF_ID, SELF_CLIENT, attestationObject=SELF_OBJECT))
    assert said.challenge.hex() == SELF_CHALLENGE
    made = said.made(EXAMPLE, said.challenge)
    assert made.credential_id.hex() == SELF_ID
    key = cbor2.loads(made.public_key)
    assert key[-2].hex() == "eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5"
    assert (made.sign_count, made.synced, made.transports) == (0, True, ())


@pytest.mark.parametrize(
    ("name", "challenge", "client", "stated"),
    [
        pytest.param(NONE_ID, NONE_CHALLENGE, NONE_CLIENT, NONE_OBJECT, id="nobody verified"),
        pytest.param(FRAMED_ID, FRAMED_CHALLENGE, FRAMED_CLIENT, FRAMED_OBJECT, id="in a frame"),
    ],
)
def test_published_ones_that_are_not_for_us_are_refused(
    name: str, challenge: str, client: str, stated: str
) -> None:
    said = Creation(published(name, client, attestationObject=stated))
    assert said.challenge.hex() == challenge
    with pytest.raises(InvalidError):
        said.made(EXAMPLE, said.challenge)


def test_a_published_answer_without_a_verified_user_does_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = cbor2.dumps(
        {
            1: 2, 3: -7, -1: 1,
            -2: bytes.fromhex("afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61"),
            -3: bytes.fromhex("930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220"),
        }
    )  # fmt: skip
    said = Assertion(
        published(
            NONE_ID, NONE_GET_CLIENT,
            authenticatorData=NONE_GET_DATA, signature=NONE_GET_SIGNATURE,
        )
    )  # fmt: skip
    assert said.challenge.hex() == NONE_GET_CHALLENGE
    assert not said.holds(EXAMPLE, said.challenge, key)
    # All else of it is right: without that one rule it would hold.

    def lax(**options: Any) -> Any:
        return verify_authentication_response(**options | {"require_user_verification": False})

    monkeypatch.setattr(ceremonies, "verify_authentication_response", lax)
    assert said.holds(EXAMPLE, said.challenge, key)


def made(authenticator: Authenticator, **wrong: Any) -> Any:
    said = Creation(authenticator.make(creation(HERE, ANN, CHALLENGE, []), **wrong))
    return said.made(HERE, CHALLENGE)


def test_what_a_browser_is_asked() -> None:
    asked = json.loads(creation(HERE, ANN, CHALLENGE, [(b"known", ["usb", "nfc"])]))
    assert octets(asked["challenge"]) == CHALLENGE
    assert octets(asked["user"]["id"]) == ANN.handle
    assert b"ann" not in octets(asked["user"]["id"])
    assert asked["rp"] == {"name": "Pointeuse", "id": "localhost"}
    assert asked["attestation"] == "none"
    assert asked["authenticatorSelection"] == {
        "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
    }  # fmt: skip
    assert [each["alg"] for each in asked["pubKeyCredParams"]] == [-8, -7, -257]
    (known,) = asked["excludeCredentials"]
    assert (octets(known["id"]), known["transports"]) == (b"known", ["usb", "nfc"])
    again = json.loads(request(HERE, CHALLENGE))
    assert (again["rpId"], again["userVerification"]) == ("localhost", "required")
    assert again["allowCredentials"] == []


@pytest.mark.parametrize("algorithm", [-7, -8, -257])
def test_each_kind_of_key_is_taken_and_lets_in(algorithm: int) -> None:
    device = Authenticator(algorithm)
    kept = made(device, flags=PRESENT | VERIFIED | ELIGIBLE | BACKED_UP)
    assert (kept.synced, kept.transports) == (True, ("internal",))
    said = Assertion(device.kept[0].answer(request(HERE, CHALLENGE)))
    assert (said.credential_id, said.handle) == (kept.credential_id, ANN.handle)
    assert said.holds(HERE, CHALLENGE, kept.public_key)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:8000"},
        {"origin": "https://localhost"},
        {"origin": "http://evil.localhost"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"flags": PRESENT | VERIFIED | BACKED_UP},
        {"type": "webauthn.get"},
        {"challenge": text("00" * 32)},
        {"crossOrigin": True},
        {"crossOrigin": "no"},
        {"topOrigin": "https://evil.example"},
        {"credential_id": bytes(1024)},
        {"algorithm": -35},
    ],
    ids=str,
)
def test_a_passkey_of_which_one_thing_is_wrong_is_not_taken(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        made(Authenticator(), **wrong)
    assert made(Authenticator(), credential_id=bytes(1023)).credential_id == bytes(1023)


def test_who_made_the_authenticator_is_not_taken_even_when_it_is_true() -> None:
    device = Authenticator()
    said = json.loads(device.make(creation(HERE, ANN, CHALLENGE, [])))
    whole = cbor2.loads(octets(said["response"]["attestationObject"]))
    maker = ec.generate_private_key(ec.SECP256R1())
    client = sha256(octets(said["response"]["clientDataJSON"])).digest()
    proof = {
        "alg": -7, "sig": signed(maker, whole["authData"] + client),
        "x5c": [certificate(maker)],
    }  # fmt: skip
    whole |= {"fmt": "packed", "attStmt": proof}
    said["response"]["attestationObject"] = text(cbor2.dumps(whole).hex())
    with pytest.raises(InvalidError):
        Creation(json.dumps(said)).made(HERE, CHALLENGE)
    # It is the certificate alone that is not wanted: the same statement by the key itself is taken.
    own = signed(device.kept[0].key, whole["authData"] + client)
    whole["attStmt"] = {"alg": -7, "sig": own}
    said["response"]["attestationObject"] = text(cbor2.dumps(whole).hex())
    assert Creation(json.dumps(said)).made(HERE, CHALLENGE).credential_id


def certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A maker's, signed by itself (DER)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A maker of authenticators")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(9999))
    return made.sign(key, SHA256()).public_bytes(Encoding.DER)


def stated(key: dict[Any, Any], **more: Any) -> str:
    """A passkey with another key, or another statement of who made the authenticator."""
    device = Authenticator()
    said = json.loads(device.make(creation(HERE, ANN, CHALLENGE, [])))
    whole = cbor2.loads(octets(said["response"]["attestationObject"]))
    data = whole["authData"]
    right = cbor2.dumps(cose_key(device.kept[0].key))
    whole["authData"] = data.removesuffix(right) + (cbor2.dumps(key) if key else right)
    said["response"]["attestationObject"] = text(cbor2.dumps(whole | more).hex())
    return json.dumps(said)


@pytest.mark.parametrize(
    "key",
    [
        {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)},
        {1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32},
        {1: 2, 3: -7},
        {1: 1, 3: -8, -1: 6, -2: b"short"},
        {1: 3, 3: -257, -1: b"\x04", -2: b"\x03"},
        {1: "two", 3: -7},
        {3: -7},
    ],
    ids=str,
)
def test_a_key_that_is_none_is_not_taken(key: dict[Any, Any]) -> None:
    said = Creation(stated(key))
    with pytest.raises(InvalidError):
        said.made(HERE, CHALLENGE)


@pytest.mark.parametrize(
    "more",
    [
        {"fmt": "fido-u2f", "attStmt": {"x5c": [b"certificate"], "sig": b"signature"}},
        {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"signature", "x5c": [b"certificate"]}},
        {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"signature"}},
        {"fmt": "android-safetynet", "attStmt": {"ver": "1", "response": b"a.b.c"}},
        {"fmt": "none", "attStmt": {"sig": b"signature"}},
        {"fmt": 5},
        {"authData": b""},
    ],
    ids=str,
)
def test_who_made_the_authenticator_is_not_asked_and_not_answered(more: dict[str, Any]) -> None:
    assert Creation(stated({})).made(HERE, CHALLENGE).credential_id
    said = Creation(stated({}, **more))
    with pytest.raises(InvalidError):
        said.made(HERE, CHALLENGE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:8000"},
        {"origin": "https://localhost"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"flags": PRESENT | VERIFIED | BACKED_UP},
        {"type": "webauthn.create"},
        {"challenge": text("00" * 32)},
        {"crossOrigin": True},
        {"topOrigin": "https://evil.example"},
        {"tampered": True},
    ],
    ids=str,
)
def test_an_answer_of_which_one_thing_is_wrong_does_not_hold(wrong: dict[str, Any]) -> None:
    device = Authenticator()
    kept = made(device)
    asked = request(HERE, CHALLENGE)
    assert Assertion(device.kept[0].answer(asked)).holds(HERE, CHALLENGE, kept.public_key)
    said = Assertion(device.kept[0].answer(asked, **wrong))
    assert not said.holds(HERE, CHALLENGE, kept.public_key)


def test_the_id_is_said_twice_and_alike() -> None:
    device = Authenticator()
    kept = made(device)
    said = json.loads(device.kept[0].answer(request(HERE, CHALLENGE)))
    said["id"] = text(secrets.token_bytes(32).hex())
    assert not Assertion(json.dumps(said)).holds(HERE, CHALLENGE, kept.public_key)
    # Nor is it another one than the authenticator signed for.
    said = json.loads(Authenticator().make(creation(HERE, ANN, CHALLENGE, [])))
    said["id"] = said["rawId"] = text("11" * 32)
    with pytest.raises(InvalidError):
        Creation(json.dumps(said)).made(HERE, CHALLENGE)


_NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=10,
)  # fmt: skip
_FIELDS = (
    "id", "rawId", "type", "response", "clientDataJSON", "attestationObject", "authenticatorData",
    "signature", "userHandle", "transports", "authenticatorAttachment",
)  # fmt: skip
_FORGED = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(_FIELDS[:3], _NESTED)
    | {"response": st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS[4:], _NESTED))},
)


@settings(max_examples=300)
@given(st.text(max_size=200) | _NESTED.map(json.dumps) | _FORGED.map(json.dumps))
def test_what_is_no_answer_is_refused_in_words(answer: str) -> None:
    for kind in (Creation, Assertion):
        with pytest.raises(InvalidError):
            kind(answer)


@pytest.mark.parametrize(
    "answer", ["[" * 20_000, '{"id":' * 3000, "", "null", "1e999", '"\\ud800"']
)
def test_what_is_meant_to_hurt_is_refused_in_words(answer: str) -> None:
    for kind in (Creation, Assertion):
        with pytest.raises(InvalidError):
            kind(answer)


_DEVICE = Authenticator()
_MADE = _DEVICE.make(creation(HERE, ANN, CHALLENGE, []))
_KEY = Creation(_MADE).made(HERE, CHALLENGE).public_key
_SAID = _DEVICE.kept[0].answer(request(HERE, CHALLENGE))


def mutated(answer: str, field: str, at: int, value: int) -> str:
    said = json.loads(answer)
    raw = bytearray(octets(said["response"][field]))
    raw[at % len(raw)] ^= value
    said["response"][field] = text(raw.hex())
    return json.dumps(said)


@settings(max_examples=300)
@given(
    st.sampled_from(["clientDataJSON", "attestationObject"]),
    st.integers(0, 2**16),
    st.integers(1, 255),
)
def test_a_passkey_with_one_octet_changed_fails_in_words(field: str, at: int, value: int) -> None:
    try:
        found = Creation(mutated(_MADE, field, at, value)).made(HERE, CHALLENGE)
    except InvalidError:
        return
    # Nothing of it is signed; what was changed is of no consequence, or it is another key.
    assert found.credential_id


@settings(max_examples=300)
@given(
    st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]),
    st.integers(0, 2**16),
    st.integers(1, 255),
)
def test_an_answer_with_one_octet_changed_does_not_hold(field: str, at: int, value: int) -> None:
    try:
        said = Assertion(mutated(_SAID, field, at, value))
    except InvalidError:
        return
    assert not said.holds(HERE, CHALLENGE, _KEY)
