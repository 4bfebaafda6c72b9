"""The pages of the console, as its navigation lists them to whoever may open each."""

from collections.abc import Callable

from cloud.languages.current import mark
from cloud.visibility.rules import Operator, Viewer

Seen = Viewer | Operator


def _anybody(_seen_by: Seen) -> bool:
    return True


def _members(seen_by: Seen) -> bool:
    return isinstance(seen_by, Viewer)


def _insiders(seen_by: Seen) -> bool:
    return isinstance(seen_by, Viewer) and seen_by.reads_workers


def _whole(seen_by: Seen) -> bool:
    return isinstance(seen_by, Viewer) and seen_by.reads_trail


def _administrators(seen_by: Seen) -> bool:
    return isinstance(seen_by, Viewer) and seen_by.administers


def _operator(seen_by: Seen) -> bool:
    return isinstance(seen_by, Operator)


def _trail(seen_by: Seen) -> bool:
    return isinstance(seen_by, Operator) or seen_by.reads_trail


NAVIGATION: list[tuple[str, str, Callable[[Seen], bool]]] = [
    ("/", mark("Live"), _anybody),
    ("/registrations", mark("Registrations"), _anybody),
    ("/days", mark("Days"), _members),
    ("/corrections", mark("Corrections"), _members),
    ("/exports", mark("Exports"), _members),
    ("/terminals", mark("Terminals"), _anybody),
    ("/workers", mark("Workers"), _insiders),
    ("/companies", mark("Companies"), _operator),
    ("/divisions", mark("Divisions and sites"), _members),
    ("/people", mark("People"), _whole),
    ("/privacy", mark("Personal data"), _whole),
    ("/webhooks", mark("Webhooks"), _administrators),
    ("/tokens", mark("Tokens"), _administrators),
    ("/trail", mark("Audit trail"), _trail),
    ("/notifications", mark("Notifications"), _anybody),
]
"""Address, name, and who may see it."""


def entries(seen_by: Seen | None) -> list[tuple[str, str]]:
    """Address and name of the pages that somebody may open."""
    if seen_by is None:
        return []
    return [(path, name) for path, name, may_see in NAVIGATION if may_see(seen_by)]
