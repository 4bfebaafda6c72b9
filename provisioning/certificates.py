"""A local certificate authority (RFC 5280): P-256 keys, short chains, nothing optional left out.

Authority -> broker (server), ingest and terminals (clients). A terminal's certificate carries its
device number as CN, which the broker makes its MQTT user name, and its identity key's whole
thumbprint as the URI of RFC 9679 section 5.6.
"""

import base64
import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provisioning import files
from provisioning.errors import ProvisioningError

AUTHORITY_DAYS = 3653
CERTIFICATE_DAYS = 366
TERMINAL_DAYS = AUTHORITY_DAYS
"""A terminal may be away for longer than a year, and must be let in when it comes back: there is
nobody who would bring it another certificate. A stolen one is banned by its key, not by a date."""
RENEW_DAYS = 30
"""A certificate with fewer days left is issued anew when provisioning runs again."""

_BACKDATED = datetime.timedelta(hours=1)  # for clocks that are a little behind
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: its key, and its self-signed certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def load(cls, directory: Path) -> "Authority":
        """Read `ca.key` and `ca.crt` of a platform directory. Raises ProvisioningError."""
        key = load_key(directory / "ca.key")
        certificate = load_certificate(directory / "ca.crt")
        if certificate.public_key() != key.public_key():
            raise ProvisioningError(
                f"{directory}/ca.crt is not the certificate of ca.key beside it"
            )
        return cls(key, certificate)

    def issue_server(
        self, key: ec.EllipticCurvePublicKey, name: str, hosts: Sequence[str]
    ) -> x509.Certificate:
        """A server certificate for `hosts`, each a DNS name or an IP address."""
        return self._issue(
            key, name, [_host(each) for each in hosts], ExtendedKeyUsageOID.SERVER_AUTH
        )

    def issue_client(
        self, key: ec.EllipticCurvePublicKey, name: str, thumbprint: bytes | None = None
    ) -> x509.Certificate:
        """A client certificate with CN `name`; `thumbprint` is a terminal's, 32 bytes."""
        client = ExtendedKeyUsageOID.CLIENT_AUTH
        if thumbprint is None:
            return self._issue(key, name, [], client)
        names = [x509.UniformResourceIdentifier(thumbprint_uri(thumbprint))]
        return self._issue(key, name, names, client, TERMINAL_DAYS)

    def _issue(
        self,
        key: ec.EllipticCurvePublicKey,
        name: str,
        names: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        days: int = CERTIFICATE_DAYS,
    ) -> x509.Certificate:
        issuer = self.certificate
        builder = _builder(name, issuer.subject, key, days, issuer.not_valid_after_utc)
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
                ),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def make_authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The self-signed certificate of a new authority, good for ten years."""
    fingerprint = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    name = f"Pointeuse CA {fingerprint}"
    builder = _builder(name, _name(name), key.public_key(), AUTHORITY_DAYS)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def thumbprint_uri(thumbprint: bytes) -> str:
    """The COSE Key Thumbprint URI (RFC 9679 section 5.6) of a SHA-256 thumbprint."""
    encoded = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    return f"urn:ietf:params:oauth:ckt:sha-256:{encoded}"


def new_key_pem() -> bytes:
    """A new P-256 key as PKCS #8 PEM, for `files.keep_or_make`."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a P-256 private key. Raises ProvisioningError."""
    try:
        key = serialization.load_pem_private_key(files.read(path, "a P-256 key"), None)
    except (ValueError, TypeError) as error:
        raise ProvisioningError(f"{path} is not an unencrypted private key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ProvisioningError(f"{path} is not a P-256 key")
    return key


def load_certificate(path: Path) -> x509.Certificate:
    """Read a certificate in PEM. Raises ProvisioningError."""
    try:
        return x509.load_pem_x509_certificate(files.read(path, "a certificate"))
    except ValueError as error:
        raise ProvisioningError(f"{path} is not a certificate in PEM: {error}") from error


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def der(certificate: x509.Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def problem(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    hosts: Sequence[str] = (),
) -> str | None:
    """Why `certificate` must be issued anew for `key` by `authority`; None when it may stay."""
    if certificate.public_key() != key:
        return "it is for another key"
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return "it is not from this authority"
    if certificate.not_valid_after_utc < _now() + RENEW_DAYS * _DAY:
        return f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}"
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "it names no host" if hosts else None
    missing = [host for host in hosts if _host(host) not in list(named)]
    return f"it does not name {missing[0]}" if missing else None


def _builder(
    name: str,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    days: int,
    limit: datetime.datetime | None = None,
) -> x509.CertificateBuilder:
    now = _now()
    end = now + days * _DAY
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(end if limit is None else min(end, limit))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)
