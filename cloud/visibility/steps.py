"""What `explain` answers: steps, each with what was found, and who can mend it how."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cloud.custody import reasons, saying
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.times import rfc3339

_WORDS = frozenset(
    {
        *(mark("administrator"), mark("manager"), mark("viewer"), mark("auditor")),
        *(mark("operator"), mark("installer")),
        *(mark("inactive"), mark("revoked"), mark("banned")),
        *(mark("set"), mark("synchronised"), mark("always")),
        *reasons.WAITING.values(),
        *reasons.REFUSED.values(),
        *saying.KINDS.values(),
    }
)
"""What may stand in a sentence for one of `_WORDED`, and is translated with it."""
_WORDED = frozenset({"role", "status", "sync", "since", "reason", "kind"})
_WRITTEN = frozenset(
    {
        *("when", "since", "until"),
        *("away", "behind", "count", "hidden", "newest", "nowhere", "queue", "seen", "total"),
    }
)
"""Moments and days, in ISO 8601, and counts: each language writes them in its own way."""
NAMED = 10
"""So many workers, places or terminals are named; of the others only how many there are."""


class Verdict(StrEnum):
    """What a step found."""

    OK = "ok"
    """Nothing that would hide anything."""
    STOP = "stop"
    """This is why. Later steps may find more."""
    NOTE = "note"
    """Nothing is hidden by it, but it may surprise."""


class Mender(StrEnum):
    """Who can do something about it."""

    YOU = "you"
    ADMINISTRATOR = "administrator"
    """An administrator of the company."""
    OPERATOR = "operator"
    """Whoever runs the platform."""
    INSTALLER = "installer"
    """Whoever can reach the terminal."""
    NOBODY = "nobody"
    """It mends itself, or stays as it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check. `found` and `fix` are sentences with `{names}` in place of `values`.

    So the sentences can be translated, and what stands in them cannot.
    """

    check: str
    verdict: Verdict
    found: str
    fix: str = ""
    mender: Mender | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The step in the words of the API."""
        values = {name: _told(name, value) for name, value in self.values.items()}
        return {
            "check": self.check,
            "verdict": self.verdict.value,
            "found": _(self.found).format_map(values),
            "fix": _(self.fix).format_map(values) if self.fix else None,
            "mender": None if self.mender is None else self.mender.value,
        }


def _told(name: str, value: Any) -> Any:
    """A value as the current language says or writes it."""
    if name in _WORDED and value in _WORDS:
        return _(value)
    return formats.shown(value) if name in _WRITTEN else value


def some(names: Sequence[str], count: int | None = None) -> str:
    """The first names, and how many more there are; `count` of them all, when not all are given."""
    more = (len(names) if count is None else count) - NAMED
    shown = ", ".join(names[:NAMED])
    return shown if more <= 0 else f"{shown}, … (+{more})"


def ok(check: str, found: str, **values: Any) -> Step:
    """A step that hides nothing."""
    return Step(check, Verdict.OK, found, values=values)


def note(check: str, found: str, fix: str = "", by: Mender | None = None, **values: Any) -> Step:
    """A step that hides nothing, and is worth knowing."""
    return Step(check, Verdict.NOTE, found, fix, by, values)


def stop(check: str, found: str, fix: str, by: Mender, **values: Any) -> Step:
    """A step that explains why something is not visible."""
    return Step(check, Verdict.STOP, found, fix, by, values)


def restricted(check: str, found: str, until_ms: int, **values: Any) -> Step:
    """LET GO: that something is kept for inspectors alone, until a day that `found` tells.

    Only for whoever takes it out for them.
    """
    return stop(
        check,
        found,
        "For an inspector, an administrator or auditor takes it out on the page of personal data.",
        Mender.ADMINISTRATOR,
        until=rfc3339(until_ms)[:10],
        **values,
    )
