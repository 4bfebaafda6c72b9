"""Every COSE object we make verifies in `cwt` and in `pycose`, and theirs in ours."""

import cbor2
import cwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pycose.algorithms import EdDSA, Es256
from pycose.headers import KID
from pycose.headers import Algorithm as AlgorithmHeader
from pycose.keys import CoseKey, EC2Key, OKPKey
from pycose.messages import CoseMessage, Sign1Message, SignMessage
from pycose.messages.signer import CoseSignature

from protocol import cose
from protocol.errors import SignatureError
from protocol.keys import Algorithm, SigningKey
from protocol.receipts import sign_receipts
from tests.protocol.messages import (
    CONFIG,
    ME,
    MINE,
    NONCE,
    RECEIPT,
    ROOT,
    TERMINAL,
    TRUST,
    Chain,
    hello,
    leaves,
    signing_key,
)  # fmt: skip

from protocol.commands import Command  # isort: skip
from protocol.configuration import Configuration  # isort: skip

AAD = b"pointeuse/1/test"
KEYS = [signing_key(11), signing_key(12, Algorithm.ES256)]
IDS = ["ed25519", "es256"]


def ours() -> dict[str, tuple[bytes, bytes, SigningKey]]:
    """Each COSE_Sign1 we make: message, external data, key."""
    root = cbor2.loads(sign_receipts(leaves(4), RECEIPT)[2])[3]
    es256 = signing_key(13, Algorithm.ES256)
    configuration = Configuration(ME, 8, b"x").sign(CONFIG, MINE.public)
    return {
        "head": (Chain().head(), b"pointeuse/1/head", TERMINAL),
        "head ES256": (Chain(es256).head(), b"pointeuse/1/head", es256),
        "hello": (hello().sign(TERMINAL), b"pointeuse/1/hello", TERMINAL),
        "receipt root": (root, b"pointeuse/1/receipt", RECEIPT),
        "configuration": (configuration, b"pointeuse/1/config", CONFIG),
        "command": (Command(ME, NONCE, 1, "report").sign(CONFIG), b"pointeuse/1/command", CONFIG),
    }


OURS = ours()


def pycose_key(key: SigningKey, *, private: bool = False) -> CoseKey:
    members = cbor2.loads(key.public.to_cose())
    if private:
        members[-4] = _secret(key)
    return (EC2Key if members[1] == 2 else OKPKey).from_dict(members)


def _secret(key: SigningKey) -> bytes:
    if isinstance(key._key, ec.EllipticCurvePrivateKey):
        return key._key.private_numbers().private_value.to_bytes(32, "big")
    return key._key.private_bytes_raw()


def cwt_key(key: SigningKey, *, private: bool = False) -> cwt.COSEKey:
    pem = key.private_pem() if private else key.public.public_pem()
    return cwt.COSEKey.from_pem(pem.decode(), kid=key.public.thumbprint)


@pytest.mark.parametrize("name", sorted(OURS))
def test_pycose_verifies_ours(name: str) -> None:
    message, aad, key = OURS[name]
    found = CoseMessage.decode(message)
    assert isinstance(found, Sign1Message)
    found.external_aad = aad
    found.key = pycose_key(key)
    assert found.verify_signature()
    found.external_aad = aad + b"?"
    assert not found.verify_signature()


@pytest.mark.parametrize("name", sorted(OURS))
def test_cwt_verifies_ours(name: str) -> None:
    message, aad, key = OURS[name]
    payload = cwt.COSE.new().decode(message, cwt_key(key), external_aad=aad)
    assert payload == cbor2.loads(message).value[2]
    with pytest.raises(cwt.VerifyError):
        cwt.COSE.new().decode(message, cwt_key(key), external_aad=aad + b"?")


@pytest.mark.parametrize("key", KEYS, ids=IDS)
def test_we_verify_what_pycose_signed(key: SigningKey) -> None:
    algorithm = EdDSA if key.public.algorithm is Algorithm.ED25519 else Es256
    for attempt in range(64):  # about half of ES256 signatures have a high S
        made = Sign1Message(
            phdr={AlgorithmHeader: algorithm, KID: key.public.thumbprint},
            payload=b"payload %d" % attempt,
            external_aad=AAD,
        )
        made.key = pycose_key(key, private=True)
        message = made.encode()
        low_s = int.from_bytes(message[-32:], "big") <= N // 2
        if algorithm is EdDSA or low_s:
            found, signer = cose.verify1(message, cose.keyring([key.public]), AAD)
            assert (found, signer) == (b"payload %d" % attempt, key.public)
            return
        with pytest.raises(SignatureError):
            cose.verify1(message, cose.keyring([key.public]), AAD)
    pytest.fail("64 signatures with a high S")


@pytest.mark.parametrize("key", KEYS, ids=IDS)
def test_we_verify_what_cwt_signed(key: SigningKey) -> None:
    algorithm = -8 if key.public.algorithm is Algorithm.ED25519 else -7
    for attempt in range(64):
        message = cwt.COSE.new().encode_and_sign(
            b"payload %d" % attempt,
            cwt_key(key, private=True),
            protected={1: algorithm, 4: key.public.thumbprint},
            external_aad=AAD,
        )
        if algorithm == -8 or int.from_bytes(message[-32:], "big") <= N // 2:
            found, _ = cose.verify1(message, cose.keyring([key.public]), AAD)
            assert found == b"payload %d" % attempt
            return
    pytest.fail("64 signatures with a high S")


N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_pycose_and_cwt_verify_a_trust_document() -> None:
    second = signing_key(14, Algorithm.ES256)
    message = TRUST.sign([ROOT, second])
    found = CoseMessage.decode(message)
    assert isinstance(found, SignMessage)
    found.external_aad = b"pointeuse/1/trust"
    for signer, key in zip(found.signers, [ROOT, second], strict=True):
        signer.external_aad = b"pointeuse/1/trust"
        signer.key = pycose_key(key)
        assert signer.verify_signature()
    for key in (ROOT, second):
        payload = cwt.COSE.new().decode(message, cwt_key(key), external_aad=b"pointeuse/1/trust")
        assert payload == cbor2.loads(message).value[2]


def test_we_verify_a_cose_sign_of_pycose() -> None:
    key = KEYS[0]
    signer = CoseSignature(phdr={AlgorithmHeader: EdDSA, KID: key.public.thumbprint})
    signer.external_aad = AAD
    signer.key = pycose_key(key, private=True)
    made = SignMessage(payload=b"payload", signers=[signer])
    payload, signers = cose.verify(made.encode(), cose.keyring([key.public]), AAD)
    assert payload == b"payload"
    assert signers == frozenset({key.public.thumbprint})
