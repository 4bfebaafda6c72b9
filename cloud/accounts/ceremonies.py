"""The two ceremonies of WebAuthn Level 3 (7.1 and 7.2): what browsers are asked, and answer.

py_webauthn reads and checks; here is what we ask of it, and what we check beside it. The user is
always verified: by a PIN, a finger, a face. Who made an authenticator is not asked (attestation
"none"). Nothing here knows the database.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_authenticator_data,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from cloud.accounts.challenges import LIFE_MS
from cloud.accounts.party import Party
from cloud.accounts.passkeys import Made
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
"""What keys are of; the last is for Windows Hello."""
_LONGEST = 1023
"""Octets of a credential id (WebAuthn Level 3, section 7.1, step 25)."""
_RSA_BITS = range(2048, 4096 + 1)
_UNREADABLE = (
    WebAuthnException, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError,
    LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What the library raises for what is no answer, and for one that does not hold."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom an authenticator makes a key for: `handle` is what it knows the account by."""

    handle: bytes
    email: str
    name: str


def creation(
    party: Party, holder: Holder, challenge: bytes, known: Iterable[tuple[bytes, list[str]]]
) -> str:
    """What a browser is asked so that it makes a passkey on a device that has none of the `known`.

    JSON, as `PublicKeyCredentialCreationOptionsJSON` (section 5.1.9).
    """
    return options_to_json(
        generate_registration_options(
            rp_id=party.id,
            rp_name="Pointeuse",
            user_id=holder.handle,
            user_name=holder.email,
            user_display_name=holder.name,
            challenge=challenge,
            timeout=LIFE_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_described(known),
            supported_pub_key_algs=ALGORITHMS,
        )
    )


def request(party: Party, challenge: bytes, known: Iterable[tuple[bytes, list[str]]] = ()) -> str:
    """What a browser is asked so that it uses a passkey: one of the `known`, or else any it has.

    JSON, as `PublicKeyCredentialRequestOptionsJSON` (section 5.1.9).
    """
    return options_to_json(
        generate_authentication_options(
            rp_id=party.id,
            challenge=challenge,
            timeout=LIFE_MS,
            allow_credentials=_described(known),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


class Creation:
    """What a browser answered to `creation`. Raises InvalidError for what is no such answer."""

    def __init__(self, text: str) -> None:
        with _readable():
            self._said: RegistrationCredential = parse_registration_credential_json(text)
            self.challenge = _challenge(self._said.response.client_data_json)

    def made(self, party: Party, challenge: bytes) -> Made:
        """The passkey. Raises InvalidError when something does not hold."""
        with _readable():
            _same_site(self._said.response.client_data_json)
            stated = parse_attestation_object(self._said.response.attestation_object)
            # What browsers let pass when nobody asks who made the authenticator (section 5.1.3).
            anonymous = stated.fmt == AttestationFormat.NONE or (
                stated.fmt == AttestationFormat.PACKED and stated.att_stmt.x5c is None
            )
            if not anonymous:
                raise ValueError("an attestation that was not asked for")
            found = verify_registration_response(
                credential=self._said,
                expected_challenge=challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                require_user_verification=True,
                supported_pub_key_algs=ALGORITHMS,
            )
            _check_key(found.credential_public_key)
            if found.credential_id != self._said.raw_id or len(found.credential_id) > _LONGEST:
                raise ValueError("a credential id that cannot be")
            return Made(
                found.credential_id,
                found.credential_public_key,
                found.sign_count,
                stated.auth_data.flags.be,
                tuple(each.value for each in self._said.response.transports or ()),
            )


class Assertion:
    """What a browser answered to `request`. Raises InvalidError for what is no such answer."""

    def __init__(self, text: str) -> None:
        with _readable():
            self._said: AuthenticationCredential = parse_authentication_credential_json(text)
            self.challenge = _challenge(self._said.response.client_data_json)
            stated = parse_authenticator_data(self._said.response.authenticator_data)
        self.sign_count, self.synced = stated.sign_count, stated.flags.be

    @property
    def credential_id(self) -> bytes:
        """Which passkey it says it is of."""
        return self._said.raw_id

    @property
    def handle(self) -> bytes | None:
        """Whose it says the passkey is."""
        return self._said.response.user_handle

    def holds(self, party: Party, challenge: bytes, public_key: bytes) -> bool:
        """Whether all of it holds but the count, which is for the caller to compare."""
        try:
            with _readable():
                _same_site(self._said.response.client_data_json)
                verify_authentication_response(
                    credential=self._said,
                    expected_challenge=challenge,
                    expected_rp_id=party.id,
                    expected_origin=party.origin,
                    credential_public_key=public_key,
                    # Before the signature is verified a count means nothing.
                    credential_current_sign_count=0,
                    require_user_verification=True,
                )
        except InvalidError:
            return False
        return True


def _check_key(cose_key: bytes) -> None:
    """Refuse a key that cannot be loaded, and would let nobody in, or one that proves little."""
    key = decoded_public_key_to_cryptography(decode_credential_public_key(cose_key))
    if isinstance(key, RSAPublicKey) and key.key_size not in _RSA_BITS:
        raise ValueError("an RSA key too short to trust, or too long to verify")


def _challenge(client_data: bytes) -> bytes:
    return parse_client_data_json(client_data).challenge


def _same_site(client_data: bytes) -> None:
    """Refuse what was signed within a page of somebody else (section 7.2, step 14).

    No page here may be put into another.
    """
    said: dict[str, Any] = json.loads(client_data)
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise ValueError("it was signed within a page of somebody else")


def _described(known: Iterable[tuple[bytes, list[str]]]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=credential, transports=[AuthenticatorTransport(each) for each in transports]
        )
        for credential, transports in known
    ]


@contextmanager
def _readable() -> Iterator[None]:
    """Refuse what cannot be read, or does not hold, in one sentence that tells nothing more."""
    try:
        yield
    except _UNREADABLE as error:
        raise InvalidError(
            _("What the browser sent is no passkey for this address; try again.")
        ) from error
