"""A platform's directory: its authority, its broker, its keys, its first trust document.

    ca.key ca.crt               the certificate authority
    broker.key broker.crt       the broker's server certificate
    ingest.key ingest.crt       the client certificate of the platform's ingest
    ingest-2.key ingest-2.crt   that of a second process of it, if there is one; and so on
    keys/root.key               signs trust documents; offline in production
    keys/receipt.key            signs receipts
    keys/config.key             signs configuration and commands
    keys/sealing.key            opens who tapped
    keys/recovery.key           opens it too, should that be lost; offline in production
    trust/1.cbor                the trust document every terminal starts from
    mosquitto.conf acl          the broker's settings
    enrolled/<device>.request   what each terminal asked, and proved, when it was enrolled

Nothing that exists is ever replaced, except certificates about to end and the broker's settings.
"""

import getpass
import pwd
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from protocol import keyfiles
from protocol.errors import KeyFileError, ProtocolError
from protocol.keys import SigningKey
from protocol.seals import SealingKey
from protocol.trust import Trust, pin
from provisioning import broker, certificates, files
from provisioning.certificates import Authority
from provisioning.errors import ProvisioningError

SIGNING_KEYS = ("root", "receipt", "config")
SEALING_KEYS = ("sealing", "recovery")
ALWAYS_NAMED = ("localhost", "127.0.0.1")
"""What the broker's certificate names besides its hosts: ingest is on the same machine."""


@dataclass(slots=True)
class Report:
    """What was made (with the reason, when it replaces something) and what was found and kept."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def note(self, name: str, *, made: bool) -> None:
        """Remember what became of `name`."""
        (self.made if made else self.kept).append(name)


def make_platform(
    directory: Path,
    hosts: Sequence[str],
    port: int,
    *,
    bind: str = "127.0.0.1",
    workers: int = 1,
) -> Report:
    """Make a platform directory, or what is missing of one.

    `hosts`: under which names or addresses terminals find the broker; `workers`: how many processes
    of ingest there are to be. Raises ProvisioningError.
    """
    report = Report()
    directory = directory.absolute()
    for each in (directory, directory / "keys", directory / "trust", directory / "enrolled"):
        files.private_directory(each)
    _authority(directory, report)
    authority = Authority.load(directory)
    names = list(dict.fromkeys([*hosts, *ALWAYS_NAMED]))
    _certificate(
        directory / "broker",
        report,
        authority.certificate,
        lambda key: authority.issue_server(key, hosts[0], names),
        names,
    )
    for worker in range(1, workers + 1):
        name = broker.ingest_name(worker)
        _certificate(
            directory / name.removeprefix("pointeuse-"),
            report,
            authority.certificate,
            partial(authority.issue_client, name=name),
        )
    _keys(directory, report)
    _trust(directory, authority, report)
    write_broker(directory, broker.Listener(directory, bind, port, _user()))
    report.note("mosquitto.conf", made=True)
    report.note("acl", made=True)
    return report


def write_broker(directory: Path, listener: broker.Listener) -> None:
    """Write `mosquitto.conf` and `acl` for a listener whose files are in `listener.directory`."""
    files.write_public(directory / "mosquitto.conf", broker.configuration(listener))
    files.write_public(directory / "acl", broker.access_list())


def copy_broker(platform: Path, out: Path, *, bind: str, port: int, user: str) -> None:
    """Write to `out` all that a broker on its own needs, readable to `user`.

    Raises ProvisioningError.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise ProvisioningError(
            f"there is no user {user!r} here; install Mosquitto first, or name another"
        ) from None
    files.private_directory(out)
    for name in ("ca.crt", "broker.crt"):
        files.write_public(out / name, files.read(platform / name, "make the platform first"))
    key = files.read(platform / "broker.key", "make the platform first")
    if not files.keep_or_make(out / "broker.key", lambda: key) and (
        files.read(out / "broker.key", "the broker's key") != key
    ):
        raise ProvisioningError(
            f"{out}/broker.key is another key than {platform}/broker.key; remove it to replace it"
        )
    write_broker(out, broker.Listener(out.absolute(), bind, port, user))
    files.give(out, account.pw_uid, account.pw_gid)


def load_trust(directory: Path) -> list[bytes]:
    """All trust documents, the first one first. Raises ProvisioningError."""
    documents: list[bytes] = []
    while (path := directory / "trust" / f"{len(documents) + 1}.cbor").exists():
        documents.append(files.read(path, "a trust document"))
    if not documents:
        raise ProvisioningError(
            f"{directory} has no trust document;"
            f" make it with `pointeuse provision platform {directory}`"
        )
    return documents


def _authority(directory: Path, report: Report) -> None:
    key_made = files.keep_or_make(directory / "ca.key", certificates.new_key_pem)
    report.note("ca.key", made=key_made)
    path = directory / "ca.crt"
    made = not path.exists()
    if made:
        key = certificates.load_key(directory / "ca.key")
        files.write_public(path, certificates.pem(certificates.make_authority(key)))
    elif key_made:
        raise ProvisioningError(
            f"{directory}/ca.crt was there without its ca.key; put the key back, or move both away"
            " to start another authority"
        )
    report.note("ca.crt", made=made)


def _certificate(
    stem: Path,
    report: Report,
    authority: x509.Certificate,
    issue: Callable[[ec.EllipticCurvePublicKey], x509.Certificate],
    hosts: Sequence[str] = (),
) -> None:
    key_path, path = stem.with_suffix(".key"), stem.with_suffix(".crt")
    report.note(key_path.name, made=files.keep_or_make(key_path, certificates.new_key_pem))
    key = certificates.load_key(key_path).public_key()
    why = None
    if path.exists():
        why = certificates.problem(certificates.load_certificate(path), key, authority, hosts)
        if why is None:
            report.note(path.name, made=False)
            return
    files.write_public(path, certificates.pem(issue(key)))
    report.note(path.name + (f" (anew: {why})" if why else ""), made=True)


def _keys(directory: Path, report: Report) -> None:
    kinds = dict.fromkeys(SIGNING_KEYS, SigningKey.generate)
    for name in (*SIGNING_KEYS, *SEALING_KEYS):
        path = directory / "keys" / f"{name}.key"
        if not (made := not path.exists()):
            report.note(f"keys/{name}.key", made=made)
            continue
        key = kinds[name]() if name in kinds else SealingKey.generate()
        try:
            keyfiles.save_private_key(path, key)
        except KeyFileError as error:
            raise ProvisioningError(str(error)) from error
        files.hand_over(path)
        report.note(f"keys/{name}.key", made=made)


def _trust(directory: Path, authority: Authority, report: Report) -> None:
    path = directory / "trust" / "1.cbor"
    keys = directory / "keys"
    try:
        if path.exists():
            pin(files.read(path, "a trust document"))
            report.note("trust/1.cbor", made=False)
            return
        root, receipt, config = (
            keyfiles.load_signing_key(keys / f"{name}.key") for name in SIGNING_KEYS
        )
        trust = Trust(
            number=1,
            issued_ms=time.time_ns() // 1_000_000,
            roots=[root.public],
            threshold=1,
            receipt_keys=[receipt.public],
            config_keys=[config.public],
            seal_to=[
                keyfiles.load_sealing_key(keys / f"{name}.key").public for name in SEALING_KEYS
            ],
            authorities=[certificates.der(authority.certificate)],
        )
    except KeyFileError as error:
        raise ProvisioningError(str(error)) from error
    except ProtocolError as error:
        raise ProvisioningError(f"{path} cannot be believed: {error}") from error
    files.write_public(path, trust.sign([root]))
    report.note("trust/1.cbor", made=True)


def _user() -> str:
    """Who runs this, and so owns the keys: the broker must be able to read its own."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise ProvisioningError(f"this process's user has no name: {error}") from error
