"""Enrolment without a network: a request file from the terminal, a reply file from the platform.

The request is that of `protocol.enrolment`: it proves who asks, and nothing is issued otherwise.
The reply is `{0: 1, 1: certificate in DER, 2: authorities in DER, 3: trust documents}`; nothing in
it is secret, and the terminal checks it against its own keys.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol import cbor, cose, enrolment, trust
from protocol.enrolment import Request
from protocol.errors import ProtocolError
from protocol.fields import as_array, as_bytes, as_map, version
from protocol.identity import compact, device_number
from protocol.keys import SigningKey
from provisioning import certificates
from provisioning.certificates import Authority
from provisioning.errors import ReplyError, RequestError


@dataclass(frozen=True, slots=True)
class Reply:
    """What a terminal needs from its platform."""

    certificate: x509.Certificate
    authorities: list[x509.Certificate]
    trust: list[bytes]

    def encode(self) -> bytes:
        """The reply file."""
        authorities = [certificates.der(each) for each in self.authorities]
        return cbor.encode(
            {0: 1, 1: certificates.der(self.certificate), 2: authorities, 3: self.trust}
        )


def make_request(identity: SigningKey, tls_key: ec.EllipticCurvePrivateKey) -> bytes:
    """The request file of a terminal."""
    name = compact(device_number(identity.public.thumbprint))
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .sign(tls_key, hashes.SHA256())
    )
    signed = cose.sign1(identity, csr.public_bytes(serialization.Encoding.DER), enrolment.AAD)
    return cbor.encode({0: 1, 1: identity.public.to_cose(), 2: signed})


def read_request(message: bytes) -> Request:
    """Check a request file. Raises RequestError naming what does not hold."""
    try:
        return enrolment.read_request(message)
    except ProtocolError as error:
        raise RequestError(f"the request cannot be believed: {error}") from error


def sign_request(message: bytes, authority: Authority, trust_documents: list[bytes]) -> Reply:
    """Issue a certificate for what `message` proves. Raises RequestError."""
    request = read_request(message)
    certificate = authority.issue_client(
        request.tls_key, request.device, request.identity.thumbprint
    )
    return Reply(certificate, [authority.certificate], trust_documents)


def read_reply(message: bytes, device: str, tls_key: ec.EllipticCurvePublicKey) -> Reply:
    """Check a reply file against the terminal it is for. Raises ReplyError."""
    try:
        fields = as_map(cbor.decode(message), "a reply")
        version(fields, "a reply")
        reply = Reply(
            x509.load_der_x509_certificate(as_bytes(fields.get(1), "a certificate")),
            [
                x509.load_der_x509_certificate(as_bytes(each, "an authority"))
                for each in as_array(fields.get(2), "authorities")
            ],
            [as_bytes(each, "a document") for each in as_array(fields.get(3), "trust documents")],
        )
        authorities = _trusted(reply.trust)
    except (ProtocolError, ValueError) as error:
        raise ReplyError(f"the reply cannot be believed: {error}") from error
    name = enrolment.common_name(reply.certificate.subject)
    if name != device:
        raise ReplyError(f"the reply is for device {name}, this is {device}")
    if not reply.authorities:
        raise ReplyError("the reply names no authority")
    for each in reply.authorities:
        if certificates.der(each) not in authorities:
            raise ReplyError("the reply's authority is not in its newest trust document")
    if why := certificates.problem(reply.certificate, tls_key, reply.authorities[0]):
        raise ReplyError(f"the reply's certificate is of no use: {why}")
    return reply


def _trusted(documents: list[bytes]) -> list[bytes]:
    """The authorities of the newest of the trust documents, having walked them."""
    if not documents:
        raise ReplyError("the reply holds no trust document")
    current = trust.pin(documents[0])
    for document in documents[1:]:
        current = trust.follow(current, document)
    return list(current.authorities)
