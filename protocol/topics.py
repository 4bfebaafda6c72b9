"""MQTT topics: `pointeuse/v1/<device>/<name>`, `<device>` being a compact device number."""

from protocol.errors import MalformedError

PREFIX = "pointeuse/v1"
FROM_TERMINAL = ("hello", "records", "status", "telemetry")
TO_TERMINAL = ("receipts", "trust", "config", "commands")


def topic(device: str, name: str) -> str:
    """The topic `name` of a terminal."""
    return f"{PREFIX}/{device}/{name}"


def every(name: str) -> str:
    """The filter matching the topic `name` of every terminal."""
    return f"{PREFIX}/+/{name}"


def parse(text: str) -> tuple[str, str]:
    """Device and name of a topic. Raises MalformedError."""
    parts = text.split("/")
    if len(parts) != 4 or "/".join(parts[:2]) != PREFIX or not parts[2]:
        raise MalformedError(f"{text!r} is not a topic of this protocol")
    if parts[3] not in FROM_TERMINAL and parts[3] not in TO_TERMINAL:
        raise MalformedError(f"{text!r} ends in no name of this protocol")
    return parts[2], parts[3]
