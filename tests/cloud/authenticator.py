"""An authenticator in software: it keeps keys, and signs what a browser would have it sign.

What it says can be made wrong, one thing at a time (WebAuthn Level 3, sections 5.8.1 and 6.1).
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
ORIGIN = "http://localhost"
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "===")


@dataclass
class Kept:
    """A passkey, as its authenticator keeps it."""

    credential_id: bytes
    key: Key
    handle: bytes
    count: int = 0

    def answer(
        self,
        options: str,
        *,
        origin: str = ORIGIN,
        rp_id: str | None = None,
        flags: int = PRESENT | VERIFIED,
        count: int | None = None,
        handle: bytes | None = None,
        nameless: bool = False,
        tampered: bool = False,
        **client: Any,
    ) -> str:
        """What a browser sends that is asked to use the passkey; right, but for what is given."""
        asked = json.loads(options)
        if count is None:
            self.count = count = self.count + 1 if self.count else 0
        said = client_data("webauthn.get", asked["challenge"], origin, client)
        data = authenticator_data(rp_id or asked["rpId"], flags, count)
        signature = signed(self.key, data + sha256(said).digest())
        if tampered:
            signature = signed(new_key(), data + sha256(said).digest())
        response = {
            "clientDataJSON": base64url(said),
            "authenticatorData": base64url(data),
            "signature": base64url(signature),
        }
        if not nameless:
            response["userHandle"] = base64url(self.handle if handle is None else handle)
        return sent(self.credential_id, response)


class Authenticator:
    """Makes passkeys. `algorithm` is of its keys (COSE): -7, -8 or -257."""

    def __init__(self, algorithm: int = -7, count: int = 0) -> None:
        self._algorithm, self._count = algorithm, count
        self.kept: list[Kept] = []

    def make(
        self,
        options: str,
        *,
        origin: str = ORIGIN,
        rp_id: str | None = None,
        flags: int = PRESENT | VERIFIED,
        credential_id: bytes | None = None,
        algorithm: int | None = None,
        **client: Any,
    ) -> str:
        """What a browser sends when it is asked to make one; right, but for what is given."""
        asked = json.loads(options)
        made = Kept(
            credential_id or secrets.token_bytes(32), new_key(self._algorithm),
            octets(asked["user"]["id"]), self._count,
        )  # fmt: skip
        self.kept.append(made)
        said = client_data("webauthn.create", asked["challenge"], origin, client)
        public = cbor2.dumps(cose_key(made.key) | ({3: algorithm} if algorithm else {}))
        attested = bytes(16) + len(made.credential_id).to_bytes(2, "big") + made.credential_id
        data = authenticator_data(rp_id or asked["rp"]["id"], flags | ATTESTED, made.count)
        stated = {"fmt": "none", "attStmt": {}, "authData": data + attested + public}
        response = {
            "clientDataJSON": base64url(said),
            "attestationObject": base64url(cbor2.dumps(stated)),
            "transports": ["internal", "a way nobody knows yet"],
        }
        return sent(made.credential_id, response)


def sent(credential_id: bytes, response: dict[str, Any]) -> str:
    """A credential as JSON."""
    name = base64url(credential_id)
    return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def client_data(kind: str, challenge: str, origin: str, more: dict[str, Any]) -> bytes:
    """What the browser adds, which is signed with the rest."""
    said = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
    return json.dumps(said | more).encode()


def authenticator_data(rp_id: str, flags: int, count: int) -> bytes:
    """What the authenticator says of itself."""
    return sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")


def new_key(algorithm: int = -7) -> Key:
    """A private key for a COSE algorithm."""
    if algorithm == -8:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == -257:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def cose_key(key: Key) -> dict[int, Any]:
    """The public half as a COSE_Key (RFC 9053, RFC 8230)."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}
    point = key.public_key().public_numbers()
    return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}


def signed(key: Key, data: bytes) -> bytes:
    """A signature as WebAuthn has it (section 6.5.5)."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), SHA256())
    return key.sign(data, ec.ECDSA(SHA256()))
