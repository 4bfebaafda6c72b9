"""New keys for a platform, and the trust document that tells its terminals.

The next document N+1 is signed by N's root keys and by its own. The keys in use keep their names;
a retired one becomes `<name>-<n>.key`, n being the document that retired it:

    keys/receipt.key    keys/receipt-2.key    keys/receipt-5.key

Seals made under an old sealing key are opened for as long as its file is there. The steps can be
cut short anywhere: what is new is first written as `<name>.key.next`, and a document that is there
is always one whose keys are there. The next run finishes what an earlier one began.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from protocol import keyfiles, trust
from protocol.errors import ProtocolError
from protocol.keys import SigningKey, VerifyKey
from protocol.seals import SealingKey
from protocol.trust import Trust
from provisioning import files
from provisioning.errors import ProvisioningError
from provisioning.platform import SIGNING_KEYS, load_trust

ROTATING = (*SIGNING_KEYS, "sealing")


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did: `number` is the newest document, `finished` those put right first."""

    number: int
    retired: Sequence[str]
    finished: Sequence[str]
    revoked: Sequence[bytes]


def rotate(
    platform: Path,
    names: Sequence[str],
    *,
    revoke_receipts: bool = False,
    now_ms: int | None = None,
) -> Rotation:
    """Replace the keys called `names` (of ROTATING), and publish the next trust document.

    With `revoke_receipts` every receipt key but the newest is revoked; otherwise the one that is
    replaced stays good, for receipts that are on their way. Raises ProvisioningError.
    """
    keys = platform / "keys"
    try:
        current = newest(load_trust(platform))
        finished = _settle(keys, current)
        if not names and not revoke_receipts:
            return Rotation(current.number, (), finished, ())
        number = current.number + 1
        for name in names:
            _make_next(keys, name)
        following = _following(keys, current, names, revoke_receipts=revoke_receipts)
        following = replace(following, issued_ms=now_ms or time.time_ns() // 1_000_000)
        roots = [keyfiles.load_signing_key(keys / "root.key")]
        if "root" in names:
            roots.append(keyfiles.load_signing_key(_next(keys, "root")))
        message = following.sign(roots)
        trust.follow(current, message)  # never publish what no terminal would believe
        files.write_public(platform / "trust" / f"{number}.cbor", message)
        _sync(platform / "trust")
        _settle(keys, following)
    except OSError as error:
        raise ProvisioningError(f"cannot rotate in {platform}: {error.strerror}") from error
    except ProtocolError as error:
        raise ProvisioningError(str(error)) from error
    retired = [f"{name}-{number}.key" for name in names]
    gone = [key for key in following.revoked if key not in current.revoked]
    return Rotation(number, retired, finished, gone)


def newest(documents: Sequence[bytes]) -> Trust:
    """The last of a chain of documents, each checked by the one before. Raises ProtocolError."""
    current = trust.pin(documents[0])
    for document in documents[1:]:
        current = trust.follow(current, document)
    return current


def _following(keys: Path, current: Trust, names: Sequence[str], *, revoke_receipts: bool) -> Trust:
    following = replace(current, number=current.number + 1)
    if "root" in names:
        following = replace(following, roots=[_public(keys, "root")])
    if "config" in names:
        following = replace(following, config_keys=[_public(keys, "config")])
    if "receipt" in names:
        replaced = keyfiles.load_signing_key(keys / "receipt.key").public
        following = replace(following, receipt_keys=[_public(keys, "receipt"), replaced])
    if "sealing" in names:
        old = keyfiles.load_sealing_key(keys / "sealing.key").public
        new = keyfiles.load_sealing_key(_next(keys, "sealing")).public
        others = [key for key in current.seal_to if key.kid != old.kid]
        following = replace(following, seal_to=[new, *others])
    if revoke_receipts:
        kept = following.receipt_keys[0]
        gone = {key.thumbprint for key in _ever_receipted(keys)} - {kept.thumbprint}
        revoked = sorted({*following.revoked, *gone})
        following = replace(following, receipt_keys=[kept], revoked=revoked)
    return following


def _ever_receipted(keys: Path) -> list[VerifyKey]:
    paths = [keys / "receipt.key", *keys.glob("receipt-*.key")]
    return [keyfiles.load_signing_key(path).public for path in paths]


def _settle(keys: Path, current: Trust) -> list[str]:
    """Give the keys the newest document names their names; which were given.

    A next key that no document names yet stays where it is, for the rotation to come.
    """
    settled = []
    for name in ROTATING:
        following = _next(keys, name)
        if not following.exists() or not _named(following, name, current):
            continue
        path = keys / f"{name}.key"
        retired = keys / f"{name}-{current.number}.key"
        if not retired.exists():
            os.link(path, retired)
            _sync(keys)
        following.replace(path)
        _sync(keys)
        settled.append(f"{name}.key")
    return settled


def _named(path: Path, name: str, current: Trust) -> bool:
    if name == "sealing":
        kid = keyfiles.load_sealing_key(path).public.kid
        return any(key.kid == kid for key in current.seal_to)
    named = {
        "root": current.roots,
        "receipt": current.receipt_keys,
        "config": current.config_keys,
    }
    return keyfiles.load_signing_key(path).public in named[name]


def _make_next(keys: Path, name: str) -> None:
    path = _next(keys, name)
    if path.exists():
        return  # left by a run that was cut short; nobody has heard of it
    key = SealingKey.generate() if name == "sealing" else SigningKey.generate()
    keyfiles.save_private_key(path, key)
    files.hand_over(path)


def _public(keys: Path, name: str) -> VerifyKey:
    return keyfiles.load_signing_key(_next(keys, name)).public


def _next(keys: Path, name: str) -> Path:
    return keys / f"{name}.key.next"


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
