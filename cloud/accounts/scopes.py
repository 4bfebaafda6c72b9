"""What a token of the API may be used for. A token has the scopes it was made with, and no others.

A scope gives no data by itself: what a program sees follows the rules of visibility, and of that
its scopes say which kinds it may ask for.
"""

from collections.abc import Iterable
from enum import StrEnum

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _


class Scope(StrEnum):
    """One kind of thing that a program does."""

    COMPANIES_READ = "companies:read"
    COMPANIES_WRITE = "companies:write"
    CORRECTIONS_DECIDE = "corrections:decide"
    CORRECTIONS_READ = "corrections:read"
    CORRECTIONS_WRITE = "corrections:write"
    CUSTODY_READ = "custody:read"
    EXPLAIN_READ = "explain:read"
    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    REGISTRATIONS_PROVE = "registrations:prove"
    REGISTRATIONS_READ = "registrations:read"
    TERMINALS_READ = "terminals:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    WORKERS_ERASE = "workers:erase"
    WORKERS_EXPORT = "workers:export"
    WORKERS_READ = "workers:read"
    WORKERS_WRITE = "workers:write"


LEAST = frozenset({Scope.REGISTRATIONS_READ})
"""What a token is for when nobody says."""
OPERATOR_S = frozenset({Scope.CUSTODY_READ})
"""Those of who runs the platform alone."""
COMPANY_S = frozenset(
    {
        Scope.COMPANIES_WRITE,
        Scope.CORRECTIONS_DECIDE,
        Scope.CORRECTIONS_READ,
        Scope.CORRECTIONS_WRITE,
        Scope.EXPLAIN_READ,
        Scope.EXPORTS_READ,
        Scope.EXPORTS_WRITE,
        Scope.WEBHOOKS_READ,
        Scope.WEBHOOKS_WRITE,
        Scope.WORKERS_ERASE,
        Scope.WORKERS_EXPORT,
        Scope.WORKERS_READ,
        Scope.WORKERS_WRITE,
    }
)
"""Those of a company's token alone: they speak of the company of the token."""


def written(scopes: Iterable[Scope]) -> str:
    """Scopes as a token keeps them: words in order, parted by a space."""
    return " ".join(sorted(set(scopes)))


def read(text: str) -> frozenset[Scope]:
    """The scopes in what `written` made."""
    return frozenset(Scope(word) for word in text.split())


def checked(words: Iterable[str], *, operator: bool) -> frozenset[Scope]:
    """Scopes that a token of a company, or of the operator, may have; LEAST when there is no word.

    Raises InvalidError.
    """
    found = set()
    for word in words:
        try:
            found.add(Scope(word))
        except ValueError:
            known = ", ".join(Scope)
            raise InvalidError(
                _("%(word)s is no scope; choose of %(known)s")
                % {"word": repr(word[:40]), "known": known}
            ) from None
    misplaced = found & (COMPANY_S if operator else OPERATOR_S)
    if misplaced:
        sentence = (
            _("only a company's token can have the scope %(scopes)s")
            if operator
            else _("only the operator's token can have the scope %(scopes)s")
        )
        raise InvalidError(sentence % {"scopes": written(misplaced)})
    return frozenset(found) or LEAST
