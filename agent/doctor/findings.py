"""What a check finds."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How grave it is."""

    OK = "ok"
    WARNING = "warning"
    """The terminal works, and something will hurt."""
    FAULT = "fault"
    """Something does not work."""
    SKIPPED = "skipped"
    """It could not be looked at; `found` says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on one thing: what was found and why, and the fix as something to do."""

    check: str
    about: str
    verdict: Verdict
    found: str
    fix: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding in the words of `--json`."""
        return {**asdict(self), "verdict": self.verdict.value, "fix": self.fix or None}


Findings = Iterator[Finding]


class Check:
    """Makes findings of one check about one thing."""

    def __init__(self, check: str, about: str) -> None:
        self._check, self._about = check, about

    def ok(self, found: str) -> Finding:
        """All is well."""
        return Finding(self._check, self._about, Verdict.OK, found)

    def warning(self, found: str, fix: str) -> Finding:
        """It works, and will hurt."""
        return Finding(self._check, self._about, Verdict.WARNING, found, fix)

    def fault(self, found: str, fix: str) -> Finding:
        """It does not work."""
        return Finding(self._check, self._about, Verdict.FAULT, found, fix)

    def skipped(self, why: str) -> Finding:
        """It could not be looked at."""
        return Finding(self._check, self._about, Verdict.SKIPPED, why)
