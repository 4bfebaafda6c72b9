"""A terminal's state directory, from an empty one to one the agent runs in.

identity.key    Ed25519; its thumbprint is the terminal; never leaves it
sealing.key     X25519; opens what the platform sends to this terminal alone
tls.key         P-256; for the connection to the broker
device          the grouped device number, for people and labels
tls.crt ca.crt  from the platform's reply
trust/<n>.cbor  from the platform's reply; the agent adds later ones itself
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from protocol import keyfiles
from protocol.enrolment import Request
from protocol.errors import KeyFileError
from protocol.identity import compact, device_number, generate_identity
from protocol.keys import SigningKey
from protocol.seals import SealingKey
from provisioning import certificates, enrolment, files
from provisioning.certificates import Authority
from provisioning.errors import ProvisioningError, ReplyError
from provisioning.platform import Report, load_trust


@dataclass(frozen=True, slots=True)
class Terminal:
    """An identity in a state directory."""

    state: Path
    identity: SigningKey

    @property
    def number(self) -> str:
        """The grouped device number."""
        return device_number(self.identity.public.thumbprint)

    @property
    def device(self) -> str:
        """The compact device number."""
        return compact(self.number)

    @property
    def certificate(self) -> x509.Certificate | None:
        """The installed client certificate, if there is one."""
        path = self.state / "tls.crt"
        return certificates.load_certificate(path) if path.exists() else None


def load_terminal(state: Path) -> Terminal:
    """The terminal in `state`. Raises ProvisioningError when it has no identity."""
    if not (state / "identity.key").exists():
        raise ProvisioningError(
            f"{state} has no identity.key; make one with `pointeuse provision identity {state}`"
        )
    try:
        return Terminal(state, keyfiles.load_signing_key(state / "identity.key"))
    except KeyFileError as error:
        raise ProvisioningError(str(error)) from error


def make_identity(state: Path, report: Report, identity: SigningKey | None = None) -> Terminal:
    """Make a terminal's keys in `state`, or what is missing of them. Raises ProvisioningError.

    `identity`: the key to use when there is none yet; a new one when not given.
    """
    files.private_directory(state)
    try:
        for path, make in (
            (state / "identity.key", lambda: identity or generate_identity()),
            (state / "sealing.key", SealingKey.generate),
        ):
            made = not path.exists()
            if made:
                keyfiles.save_private_key(path, make())
                files.hand_over(path)
            report.note(path.name, made=made)
    except KeyFileError as error:
        raise ProvisioningError(str(error)) from error
    report.note("tls.key", made=files.keep_or_make(state / "tls.key", certificates.new_key_pem))
    terminal = load_terminal(state)
    files.write_public(state / "device", terminal.number + "\n")
    return terminal


def make_request(terminal: Terminal) -> bytes:
    """The enrolment request of a terminal. Raises ProvisioningError."""
    tls_key = certificates.load_key(terminal.state / "tls.key")
    return enrolment.make_request(terminal.identity, tls_key)


def sign(platform: Path, request: bytes) -> tuple[Request, enrolment.Reply]:
    """Enrol the sender of `request` at a platform, and remember what it proved.

    Raises RequestError, ProvisioningError.
    """
    checked = enrolment.read_request(request)
    reply = enrolment.sign_request(request, Authority.load(platform), load_trust(platform))
    files.private_directory(platform / "enrolled")
    files.write_public(platform / "enrolled" / f"{checked.device}.request", request)
    return checked, reply


def install(terminal: Terminal, message: bytes) -> list[str]:
    """Install a platform's reply, and say which files were written.

    Raises ReplyError, ProvisioningError.
    """
    key = certificates.load_key(terminal.state / "tls.key").public_key()
    reply = enrolment.read_reply(message, terminal.device, key)
    directory = terminal.state / "trust"
    files.private_directory(directory)
    _same_platform(directory, reply.trust)
    written = []
    for number, document in enumerate(reply.trust, 1):
        path = directory / f"{number}.cbor"
        if not path.exists():
            files.write_public(path, document)
            written.append(f"trust/{number}.cbor")
    authorities = b"".join(certificates.pem(each) for each in reply.authorities)
    files.write_public(terminal.state / "ca.crt", authorities)
    # Last: a terminal with a certificate is one that is ready to connect.
    files.write_public(terminal.state / "tls.crt", certificates.pem(reply.certificate))
    return [*written, "ca.crt", "tls.crt"]


def enrol(state: Path, platform: Path, report: Report) -> Terminal:
    """Identity, request, signature and installation in one go, on one machine: for trials.

    A certificate of this platform with more than a month left is kept. Raises ProvisioningError.
    """
    authority = Authority.load(platform)
    terminal = make_identity(state, report)
    certificate = terminal.certificate
    if certificate is not None and (state / "trust" / "1.cbor").exists():
        key = certificates.load_key(state / "tls.key").public_key()
        if certificates.problem(certificate, key, authority.certificate) is None:
            for name in ("tls.crt", "ca.crt", "trust/1.cbor"):
                report.note(name, made=False)
            return terminal
    _, reply = sign(platform, make_request(terminal))
    for name in install(terminal, reply.encode()):
        report.note(name, made=True)
    return terminal


def _same_platform(directory: Path, documents: Sequence[bytes]) -> None:
    path = directory / "1.cbor"
    if path.exists() and files.read(path, "a trust document") != documents[0]:
        raise ReplyError(
            f"{path} is another platform's; to move this terminal to the new one, remove"
            f" {directory} on purpose, once the old platform has receipted all of its records"
        )
