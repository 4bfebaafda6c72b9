"""Enrolment: nobody gets a certificate in another terminal's name."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose
from protocol.enrolment import common_name
from protocol.identity import compact, device_number, generate_identity
from protocol.keys import SigningKey
from provisioning import enrolment, terminal
from provisioning.enrolment import read_reply, read_request
from provisioning.errors import ProvisioningError, ReplyError, RequestError
from provisioning.platform import Report, make_platform
from provisioning.terminal import Terminal, enrol, install, make_identity, sign

AAD = b"pointeuse/1/enrolment"


def device_of(key: SigningKey) -> str:
    return compact(device_number(key.public.thumbprint))


def csr(name: str, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    key = key or ec.generate_private_key(ec.SECP256R1())
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def request(shown: SigningKey, signer: SigningKey, certificate_request: bytes) -> bytes:
    signed = cose.sign1(signer, certificate_request, AAD)
    return cbor.encode({0: 1, 1: shown.public.to_cose(), 2: signed})


@pytest.fixture
def platform_directory(tmp_path: Path) -> Path:
    make_platform(tmp_path / "platform", ["localhost"], 8883)
    return tmp_path / "platform"


@pytest.fixture
def terminal_(tmp_path: Path) -> Terminal:
    return make_identity(tmp_path / "terminal", Report())


def test_a_request_is_read_back(terminal_: Terminal) -> None:
    read = read_request(terminal.make_request(terminal_))
    assert read.identity == terminal_.identity.public
    assert read.device == terminal_.device


def test_the_name_must_be_the_identity_keys_device_number() -> None:
    key, victim = generate_identity(), generate_identity()
    with pytest.raises(RequestError, match=f"asks for '{device_of(victim)}'"):
        read_request(request(key, key, csr(device_of(victim))))
    with pytest.raises(RequestError, match="asks for 'pointeuse-ingest'"):
        read_request(request(key, key, csr("pointeuse-ingest")))


def test_showing_another_terminals_public_key_is_not_enough() -> None:
    thief, victim = generate_identity(), generate_identity()
    with pytest.raises(RequestError, match="cannot be believed"):
        read_request(request(victim, thief, csr(device_of(victim))))


def test_a_request_is_no_other_signed_message() -> None:
    key = generate_identity()
    signed = cose.sign1(key, csr(device_of(key)), b"pointeuse/1/head")
    with pytest.raises(RequestError, match="cannot be believed"):
        read_request(cbor.encode({0: 1, 1: key.public.to_cose(), 2: signed}))


def test_the_csr_must_be_signed_by_the_key_it_is_for() -> None:
    key = generate_identity()
    good = bytearray(csr(device_of(key)))
    good[-1] ^= 1
    with pytest.raises(RequestError, match="CSR"):
        read_request(request(key, key, bytes(good)))


def test_only_p256_gets_a_certificate() -> None:
    key = generate_identity()
    wrong = csr(device_of(key), ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(RequestError, match="not P-256"):
        read_request(request(key, key, wrong))


def test_a_name_with_more_than_a_cn_is_refused() -> None:
    key = generate_identity()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, device_of(key)),
            x509.NameAttribute(NameOID.COMMON_NAME, "pointeuse-ingest"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    with pytest.raises(RequestError, match="asks for ''"):
        read_request(request(key, key, signed.public_bytes(serialization.Encoding.DER)))


@given(st.binary(max_size=200))
def test_whatever_else_arrives_is_refused_as_a_request(message: bytes) -> None:
    with pytest.raises(RequestError):
        read_request(message)


@given(at=st.integers(0, 10_000), by=st.integers(1, 255))
def test_no_byte_of_a_request_can_change(at: int, by: int) -> None:
    message = bytearray(_REQUEST)
    message[at % len(message)] ^= by
    with pytest.raises(RequestError):
        read_request(bytes(message))


def test_an_endless_request_is_refused() -> None:
    with pytest.raises(RequestError, match="longer than"):
        read_request(bytes(100_000))


def test_request_signature_and_installation(platform_directory: Path, terminal_: Terminal) -> None:
    checked, reply = sign(platform_directory, terminal.make_request(terminal_))
    assert checked.device == terminal_.device
    written = install(terminal_, reply.encode())
    assert written == ["trust/1.cbor", "ca.crt", "tls.crt"]
    certificate = terminal_.certificate
    assert certificate is not None
    assert common_name(certificate.subject) == terminal_.device
    kept = platform_directory / "enrolled" / f"{terminal_.device}.request"
    assert read_request(kept.read_bytes()).identity == terminal_.identity.public


def test_another_terminals_reply_is_not_installed(
    platform_directory: Path, terminal_: Terminal, tmp_path: Path
) -> None:
    other = make_identity(tmp_path / "other", Report())
    _, reply = sign(platform_directory, terminal.make_request(other))
    with pytest.raises(ReplyError, match=f"for device {other.device}, this is {terminal_.device}"):
        install(terminal_, reply.encode())
    assert terminal_.certificate is None


def test_a_reply_for_an_earlier_key_is_not_installed(
    platform_directory: Path, terminal_: Terminal
) -> None:
    _, reply = sign(platform_directory, terminal.make_request(terminal_))
    (terminal_.state / "tls.key").unlink()
    make_identity(terminal_.state, Report())
    with pytest.raises(ReplyError, match="another key"):
        install(terminal_, reply.encode())


def test_a_reply_whose_authority_is_not_trusted_is_not_installed(
    platform_directory: Path, terminal_: Terminal, tmp_path: Path
) -> None:
    make_platform(tmp_path / "elsewhere", ["localhost"], 8883)
    _, reply = sign(platform_directory, terminal.make_request(terminal_))
    _, foreign = sign(tmp_path / "elsewhere", terminal.make_request(terminal_))
    mixed = enrolment.Reply(foreign.certificate, foreign.authorities, reply.trust)
    with pytest.raises(ReplyError, match="not in its newest trust document"):
        install(terminal_, mixed.encode())


@given(st.binary(max_size=100))
def test_whatever_else_arrives_is_refused_as_a_reply(message: bytes) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(ReplyError):
        read_reply(message, "7ZK3M9Q2WDX", key)


def test_a_terminal_is_not_moved_to_another_platform_by_accident(
    platform_directory: Path, tmp_path: Path
) -> None:
    enrol(tmp_path / "terminal", platform_directory, Report())
    make_platform(tmp_path / "elsewhere", ["localhost"], 8883)
    with pytest.raises(ProvisioningError, match="another platform's"):
        enrol(tmp_path / "terminal", tmp_path / "elsewhere", Report())


def _request() -> bytes:
    key = generate_identity()
    return enrolment.make_request(key, ec.generate_private_key(ec.SECP256R1()))


_REQUEST = _request()
