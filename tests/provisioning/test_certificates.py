"""The authority: what it issues verifies elsewhere, and says exactly what it is for."""

import datetime
import subprocess
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from protocol.enrolment import common_name
from provisioning import certificates
from provisioning.certificates import Authority, make_authority, problem, thumbprint_uri
from provisioning.errors import ProvisioningError


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def authority() -> Authority:
    key = new_key()
    return Authority(key, make_authority(key))


T = TypeVar("T", bound=x509.ExtensionType)


def extension(certificate: x509.Certificate, kind: type[T]) -> T:
    return certificate.extensions.get_extension_for_class(kind).value


def test_openssl_verifies_the_chain_strictly(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(certificates.pem(authority.certificate))
    issued = {
        "sslserver": authority.issue_server(new_key().public_key(), "gate", ["localhost"]),
        "sslclient": authority.issue_client(new_key().public_key(), "7ZK3M9Q2WDX", bytes(32)),
    }
    for purpose, certificate in issued.items():
        (tmp_path / "leaf.crt").write_bytes(certificates.pem(certificate))
        for claimed, expected in (("sslserver", "sslserver"), ("sslclient", "sslclient")):
            command = ["openssl", "verify", "-x509_strict", "-purpose", claimed]
            command += ["-CAfile", str(tmp_path / "ca.crt"), str(tmp_path / "leaf.crt")]
            done = subprocess.run(command, capture_output=True, text=True)
            assert (done.returncode == 0) == (purpose == expected), done.stderr


def test_the_authority_is_one_and_its_certificates_are_none(authority: Authority) -> None:
    leaf = authority.issue_client(new_key().public_key(), "x")
    own = extension(authority.certificate, x509.BasicConstraints)
    assert (own.ca, own.path_length) == (True, 0)
    assert not extension(leaf, x509.BasicConstraints).ca
    assert extension(authority.certificate, x509.KeyUsage).key_cert_sign
    assert not extension(leaf, x509.KeyUsage).key_cert_sign
    assert extension(leaf, x509.KeyUsage).digital_signature


def test_a_client_certificate_is_for_clients_and_names_the_whole_thumbprint(
    authority: Authority,
) -> None:
    leaf = authority.issue_client(new_key().public_key(), "7ZK3M9Q2WDX", b"\x07" * 32)
    assert list(extension(leaf, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert common_name(leaf.subject) == "7ZK3M9Q2WDX"
    named = extension(leaf, x509.SubjectAlternativeName)
    assert named.get_values_for_type(x509.UniformResourceIdentifier) == [
        thumbprint_uri(b"\x07" * 32)
    ]


def test_a_terminal_may_be_away_for_as_long_as_there_is_its_authority(
    authority: Authority,
) -> None:
    end = authority.certificate.not_valid_after_utc
    terminal = authority.issue_client(new_key().public_key(), "7ZK3M9Q2WDX", bytes(32))
    assert terminal.not_valid_after_utc == end
    year = datetime.timedelta(days=certificates.CERTIFICATE_DAYS + 1)
    for other in (
        authority.issue_client(new_key().public_key(), "pointeuse-ingest"),
        authority.issue_server(new_key().public_key(), "localhost", ["localhost"]),
    ):
        assert other.not_valid_after_utc - other.not_valid_before_utc < year


def test_the_thumbprint_uri_is_the_one_of_rfc_9679() -> None:
    # RFC 9679 section 5.6 and the key of its section 6.
    thumbprint = bytes.fromhex("496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec")
    expected = "urn:ietf:params:oauth:ckt:sha-256:SWvYr63zB-WwjGSwQhv53AFSijRKQ72oj63RZp2iU-w"
    assert thumbprint_uri(thumbprint) == expected


def test_serial_numbers_are_not_repeated(authority: Authority) -> None:
    key = new_key().public_key()
    serials = {authority.issue_client(key, "x").serial_number for _ in range(20)}
    assert len(serials) == 20
    assert all(serial.bit_length() > 64 for serial in serials)


def test_nothing_outlives_the_authority(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = authority.certificate.not_valid_after_utc
    monkeypatch.setattr(certificates, "_now", lambda: end - datetime.timedelta(days=10))
    assert authority.issue_client(new_key().public_key(), "x").not_valid_after_utc == end


def test_a_certificate_is_kept_until_it_nears_its_end(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key().public_key()
    leaf = authority.issue_client(key, "x")
    assert problem(leaf, key, authority.certificate) is None
    end = leaf.not_valid_after_utc
    monkeypatch.setattr(certificates, "_now", lambda: end - datetime.timedelta(days=29))
    assert problem(leaf, key, authority.certificate) == f"it ends on {end:%Y-%m-%d}"


def test_a_certificate_for_another_key_host_or_authority_is_not_kept(authority: Authority) -> None:
    key = new_key().public_key()
    leaf = authority.issue_server(key, "gate", ["gate.example", "127.0.0.1"])
    assert problem(leaf, key, authority.certificate, ["gate.example", "127.0.0.1"]) is None
    assert problem(leaf, key, authority.certificate, ["other"]) == "it does not name other"
    assert problem(leaf, new_key().public_key(), authority.certificate) == "it is for another key"
    other = make_authority(new_key())
    assert problem(leaf, key, other) == "it is not from this authority"
    client = authority.issue_client(key, "x")
    assert problem(client, key, authority.certificate, ["gate"]) == "it names no host"


def test_an_authority_whose_parts_do_not_fit_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_bytes(certificates.pem(authority.certificate))
    (tmp_path / "ca.key").write_bytes(certificates.new_key_pem())
    with pytest.raises(ProvisioningError, match=r"not the certificate of ca\.key"):
        Authority.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_key_or_certificate_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(ProvisioningError, match="damaged"):
        certificates.load_key(path)
    with pytest.raises(ProvisioningError, match="damaged"):
        certificates.load_certificate(path)
