"""Settings and badges as people write them on a command line."""

from dataclasses import replace

from cloud.errors import InvalidError
from cloud.workers.service import normalise
from protocol.configured import Configured
from protocol.errors import MalformedError


def badge(word: str) -> tuple[str, str]:
    """Profile and number from PROFILE:NUMBER. Raises InvalidError."""
    profile, colon, number = word.partition(":")
    if not colon:
        raise InvalidError("a badge is written PROFILE:NUMBER, as in uid:04A1B2C3D4E5F6")
    return normalise(profile, number)


def changed(before: Configured, settings: str | None, least_assurance: str | None) -> Configured:
    """Other settings, or the same with another least assurance ("none": whatever is presented).

    Raises InvalidError.
    """
    after = before if settings is None else replace(before, toml=settings)
    if least_assurance is None:
        return after
    try:
        gate = after.settings().gate
    except MalformedError as error:
        raise InvalidError(str(error)) from error
    lines = ["[gate]"]
    if least_assurance != "none":
        lines.append(f'least_assurance = "{least_assurance}"')
    if gate.debounce_s is not None:
        lines.append(f"debounce_s = {gate.debounce_s!r}")
    return replace(after, toml="\n".join(lines) + "\n")
