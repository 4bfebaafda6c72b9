"""Settings in TOML, checked against msgspec structs; every mistake is one plain line."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]")


class SettingsError(Exception):
    """A settings file is missing, is not TOML, or holds a value that cannot be meant."""


def load(path: Path, shape: type[T]) -> T:
    """Read `path` as `shape`. Raises SettingsError naming file, key and what was expected."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    return convert(document, shape, str(path))


def convert(document: Any, shape: type[T], name: str) -> T:
    """Check an already parsed `document`; `name` says where it came from. Raises SettingsError."""
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        steps = [key or int(index) for key, index in _STEP.findall(place)]
        raise SettingsError(_sentence(name, document, steps, reason)) from error


def _sentence(name: str, document: Any, steps: list[str | int], reason: str) -> str:
    value = document
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            break
    key = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).lstrip(".")
    if not steps:
        return f"{name}: {reason}"
    if isinstance(value, (dict, list)):
        return f"{name}: in {key}: {reason}"
    return f"{name}: {key} = {value!r}: {reason[:1].lower()}{reason[1:]}"
