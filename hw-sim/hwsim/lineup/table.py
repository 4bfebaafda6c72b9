"""What was found, in Markdown: the same each time, so that a page can hold it."""

from collections.abc import Iterable

from hwsim.lineup.outcomes import Outcome
from hwsim.lineup.trial import Trial

BEGIN = "<!-- `pointeuse sim readers --markdown` -->\n"
END = "<!-- as it printed it -->\n"
"""Where the table stands in a page."""
_HEAD = "| badges | held to | recorded as | assurance | flags |\n|---|---|---|---|---|\n"


def markdown(trials: Iterable[Trial]) -> str:
    """One row for all badges of which the same becomes, with the readers at which it does."""
    readers: dict[tuple[str, Outcome], list[str]] = {}
    for trial in trials:
        readers.setdefault((trial.badge, _told(trial.found)), []).append(trial.family)
    badges: dict[tuple[Outcome, tuple[str, ...]], list[str]] = {}
    for (badge, outcome), families in readers.items():
        badges.setdefault((outcome, tuple(families)), []).append(badge)
    return _HEAD + "".join(
        f"| {'<br>'.join(each)} | {', '.join(families)} | {_words(outcome)} |\n"
        for (outcome, families), each in badges.items()
    )


def _told(outcome: Outcome) -> Outcome:
    """Without the number, which says nothing."""
    return Outcome(outcome.profile, None, outcome.assurance, outcome.flags, outcome.refused)


def _words(outcome: Outcome) -> str:
    if outcome.refused is not None:
        return f"not recorded, *try again* (`{outcome.refused}`) | |"
    return f"`{outcome.profile}` | {outcome.assurance} | {', '.join(outcome.flags)}"
