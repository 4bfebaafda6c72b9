"""What becomes of a badge that is held to a reader."""

from dataclasses import dataclass

from protocol.badges import Assurance, Flag


@dataclass(frozen=True)
class Outcome:
    """A record, or no record and the reason counted in telemetry."""

    profile: str | None = None
    number: str | None = None
    assurance: str | None = None
    """printed, uid, read or authenticated."""
    flags: tuple[str, ...] = ()
    refused: str | None = None


def recorded(profile: str, number: str, assurance: int, flags: int = 0) -> Outcome:
    """A badge that is recorded; `assurance` and `flags` as protocol.badges has them."""
    words = tuple(
        str(flag.name).lower().replace("_", " ") for flag in Flag if flag.value & flags == flag
    )
    return Outcome(profile, number, Assurance(assurance).label, words)


def by_uid(uid: bytes, flags: int = 0) -> Outcome:
    """A chip that is recorded by its serial number."""
    return recorded("uid", uid.hex().upper(), Assurance.UID, flags)


def refused(reason: str) -> Outcome:
    """Nothing is recorded, and the worker tries again."""
    return Outcome(refused=reason)
