"""What came of a scenario: what was expected, what the platform shows, and the difference."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

FIELDS = (
    "device", "seq", "reader", "badge", "assurance", "worker", "employer", "private_company",
    "company", "division", "site", "direction", "tapped_at", "received_at",
)  # fmt: skip
_COMPARED = (
    "assurance", "worker", "employer", "private_company", "company", "division", "site",
    "direction",
)  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """One tap that was shown green, and how it must be attributed."""

    device: str
    reader: str
    badge: str
    assurance: str
    worker: str | None
    employer: str
    private_company: bool
    company: str
    division: str
    site: str
    direction: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other taps; several of one key are told by their order."""
        return self.device, self.reader, self.badge


@dataclass
class Outcome:
    """The result, in the words of the demo's JSON."""

    taps: int
    registrations: list[dict[str, Any]]
    lost: list[Expected] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    misattributed: list[tuple[Expected, dict[str, Any], str]] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is lost, doubled or attributed otherwise than expected."""
        return not (self.lost or self.duplicates or self.misattributed)

    def as_json(self) -> dict[str, Any]:
        """One object."""
        return {
            "taps": self.taps,
            "lost": len(self.lost),
            "duplicates": len(self.duplicates),
            "misattributed": len(self.misattributed),
            "registrations": [{name: r.get(name) for name in FIELDS} for r in self.registrations],
        }


def compare(expected: Sequence[Expected], found: Sequence[dict[str, Any]]) -> Outcome:
    """Match every expected tap with one registration, in the order of each terminal's seq."""
    outcome = Outcome(len(expected), list(found))
    by_key: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    seen: set[tuple[str, str, int]] = set()
    for each in sorted(found, key=lambda r: (r["device"], r["seq"])):
        place = (each["device"], each.get("epoch", ""), each["seq"])
        if place in seen:
            outcome.duplicates.append(each)
            continue
        seen.add(place)
        by_key[each["device"], each["reader"], each["badge"]].append(each)
    for tap in expected:
        candidates = by_key[tap.key]
        if not candidates:
            outcome.lost.append(tap)
            continue
        registration = candidates.pop(0)
        wrong = [name for name in _COMPARED if registration[name] != getattr(tap, name)]
        if wrong:
            outcome.misattributed.append((tap, registration, ", ".join(wrong)))
    outcome.duplicates += [each for rest in by_key.values() for each in rest]
    return outcome


def table(registrations: Iterable[dict[str, Any]]) -> str:
    """How many taps were attributed where, one line for each employer at each site."""
    counts = Counter(
        (
            r["company"] or "-",
            r["division"] or "-",
            r["site"] or "-",
            (r["employer"] or "-") + (" (private)" if r["private_company"] else ""),
        )
        for r in registrations
    )
    rows = [("company", "division", "site", "employer", "taps")]
    rows += [(*key, str(count)) for key, count in sorted(counts.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(line.rstrip() for line in lines)


def complaints(outcome: Outcome) -> list[str]:
    """What is wrong, a line each."""
    lines = [f"lost: {tap.key}" for tap in outcome.lost]
    lines += [f"doubled: {r['device']} seq {r['seq']}" for r in outcome.duplicates]
    for tap, registration, wrong in outcome.misattributed:
        lines.append(
            f"attributed otherwise ({wrong}): {tap.device} seq {registration['seq']}:"
            f" expected {[getattr(tap, name) for name in _COMPARED]},"
            f" found {[registration[name] for name in _COMPARED]}"
        )
    return lines
