"""Refusing a change that was made while looking at something older.

A form sends along what it showed when it was opened; `refuse_stale` compares that with what is so
now, in the transaction of the change.
"""

from collections.abc import Mapping

from cloud.errors import ConflictError
from cloud.languages.current import gettext as _


class StaleError(ConflictError):
    """Somebody else changed it meanwhile.

    `changes`: (field, as it was shown, as it is now); `now`: all that a form shows of it now.
    """

    def __init__(self, changes: list[tuple[str, str, str]], now: Mapping[str, str]) -> None:
        super().__init__(
            _(
                "Somebody else changed this since you opened it. Nothing of yours was entered: look"
                " at what changed, and send it again if you still want to."
            )
        )
        self.changes, self.now = changes, dict(now)


def refuse_stale(was: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise StaleError when something shown is not so any more. What was not shown is not asked."""
    changes = [
        (field, was[field], value)
        for field, value in now.items()
        if field in was and was[field] != value
    ]
    if changes:
        raise StaleError(changes, now)
