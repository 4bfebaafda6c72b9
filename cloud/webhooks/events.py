"""What webhooks tell of, and which scope shows the fields of it."""

from collections.abc import Collection
from enum import StrEnum

from cloud.accounts.scopes import Scope
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark


class Event(StrEnum):
    """A type of event. The word before the dot is the thing that it is about."""

    REGISTRATION_CREATED = "registration.created"
    REGISTRATION_CHANGED = "registration.changed"
    REGISTRATION_GONE = "registration.gone"
    CORRECTION_PROPOSED = "correction.proposed"
    CORRECTION_APPROVED = "correction.approved"
    CORRECTION_REFUSED = "correction.refused"
    CORRECTION_GONE = "correction.gone"
    TERMINAL_SILENT = "terminal.silent"
    TERMINAL_BACK = "terminal.back"
    WORKER_CREATED = "worker.created"
    WORKER_CHANGED = "worker.changed"
    WORKER_GONE = "worker.gone"
    TEST = "test"

    @property
    def shows(self) -> bool:
        """Whether there may be fields to show: of what is gone there are none."""
        return self is not Event.TEST and not self.value.endswith(".gone")

    @property
    def thing(self) -> str:
        """What it is about: `registration`, `correction`, `terminal`, `worker` or `test`."""
        return self.value.partition(".")[0]


MEANINGS = {
    Event.REGISTRATION_CREATED: mark("A registration that is new to the company"),
    Event.REGISTRATION_CHANGED: mark("A registration attributed or dated anew"),
    Event.REGISTRATION_GONE: mark("A registration that the company sees no more"),
    Event.CORRECTION_PROPOSED: mark("A correction that waits for a sign-off"),
    Event.CORRECTION_APPROVED: mark("A correction that counts"),
    Event.CORRECTION_REFUSED: mark("A correction that was refused"),
    Event.CORRECTION_GONE: mark("A correction that the company sees no more"),
    Event.TERMINAL_SILENT: mark("A terminal that has told nothing for an hour"),
    Event.TERMINAL_BACK: mark("A terminal that was silent tells again"),
    Event.WORKER_CREATED: mark("A worker who is new"),
    Event.WORKER_CHANGED: mark("A worker who was changed, or whose badges were"),
    Event.WORKER_GONE: mark("A worker whom the company sees no more"),
    Event.TEST: mark("A test, sent when somebody asks for one"),
}
"""What each means, for screens and for the description of the API."""

CHOSEN = tuple(event for event in Event if event is not Event.TEST)
"""Those that a webhook is given when it is to have them; a test comes without being chosen."""

SHOWN_BY = {
    "registration": Scope.REGISTRATIONS_READ,
    "correction": Scope.CORRECTIONS_READ,
    "terminal": Scope.TERMINALS_READ,
    "worker": Scope.WORKERS_READ,
}
"""The scope with which an event shows the fields of its thing; without, it only names it."""
SCOPES = tuple(SHOWN_BY.values())


def checked_events(words: Collection[str]) -> frozenset[Event]:
    """The events that a webhook is to be told of. Raises InvalidError."""
    known = {event.value: event for event in CHOSEN}
    for word in words:
        if word not in known:
            raise InvalidError(
                _("%(word)s is no event; choose of %(known)s")
                % {"word": repr(word[:40]), "known": ", ".join(known)}
            )
    if not words:
        raise InvalidError(_("Choose at least one event."))
    return frozenset(known[word] for word in words)


def checked_scopes(words: Collection[str]) -> frozenset[Scope]:
    """The scopes that a webhook shows fields by; it may have none. Raises InvalidError."""
    known = {scope.value: scope for scope in SCOPES}
    for word in words:
        if word not in known:
            raise InvalidError(
                _("%(word)s is no scope of a webhook; choose of %(known)s")
                % {"word": repr(word[:40]), "known": ", ".join(known)}
            )
    return frozenset(known[word] for word in words)
