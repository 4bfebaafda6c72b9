"""What a terminal asks to be enrolled with: proof of its identity, and of the key to be certified.

The request is `{0: 1, 1: identity COSE_Key, 2: COSE_Sign1 by that key over the CSR in DER}`. It
proves three things, and counts for nothing unless all hold: its sender has the identity key, its
sender has the key the certificate is for, and the name in the CSR is the device number of that
identity key. So nobody gets a certificate in another terminal's name.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol import cbor, cose
from protocol.errors import MalformedError
from protocol.fields import as_bytes, as_map, version
from protocol.identity import compact, device_number
from protocol.keys import VerifyKey

AAD = b"pointeuse/1/enrolment"
LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A checked enrolment request: who asks, and the key the certificate is for."""

    identity: VerifyKey
    tls_key: ec.EllipticCurvePublicKey

    @property
    def device(self) -> str:
        """The compact device number."""
        return compact(device_number(self.identity.thumbprint))


def read_request(message: bytes) -> Request:
    """Check a request file. Raises ProtocolError naming what does not hold."""
    if len(message) > LONGEST:
        raise MalformedError(f"the request is longer than {LONGEST} bytes; it is something else")
    fields = as_map(cbor.decode(message), "a request")
    version(fields, "a request")
    identity = VerifyKey.from_cose(as_bytes(fields.get(1), "an identity key"))
    signed = as_bytes(fields.get(2), "a signed CSR")
    csr, _ = cose.verify1(signed, cose.keyring([identity]), AAD)
    tls_key, name = _read_csr(csr)
    request = Request(identity, tls_key)
    if name != request.device:
        raise MalformedError(
            f"the request asks for {name!r}, but its identity key is device {request.device}"
        )
    return request


def common_name(name: x509.Name) -> str:
    """The only CN of a name, or the empty string."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 and len(list(name)) == 1 else ""


def _read_csr(der: bytes) -> tuple[ec.EllipticCurvePublicKey, str]:
    try:
        csr = x509.load_der_x509_csr(der)
        valid = csr.is_signature_valid
        key = csr.public_key()
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise MalformedError(f"the request holds no usable CSR: {error}") from error
    if not valid:
        raise MalformedError("the CSR is not signed by the key it asks a certificate for")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MalformedError("the CSR is for a key that is not P-256")
    return key, common_name(csr.subject)
