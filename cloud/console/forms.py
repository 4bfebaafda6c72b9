"""What is wrong with a form, field by field, and what it showed when it was opened."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TypeVar

from cloud import times
from cloud.errors import InvalidError, NotFoundError, RefusedError
from cloud.languages.current import gettext as _
from cloud.stale import StaleError

T = TypeVar("T")
WHOLE = ""
"""Under this name stands what is wrong with the form as a whole."""


class Problems(dict[str, str]):
    """Sentences by field. `changes` is what somebody else changed meanwhile.

    `was` is the hidden field of the form that comes next: as it came, or once told of what somebody
    else changed, as it is now. To send the form again then means it.
    """

    def __init__(self, was: str = "") -> None:
        super().__init__()
        self.was = was
        self.changes: list[tuple[str, str, str]] = []

    def take(self, field: str, check: Callable[[str], T], text: str) -> T | None:
        """What a field means; None when that cannot be, which is kept as the field's problem."""
        try:
            return check(text)
        except RefusedError as error:
            self[field] = str(error)
            return None

    @contextmanager
    def of(self, field: str = WHOLE) -> Iterator[None]:
        """Keep what is refused in the block as a field's problem, or the form's.

        A transaction is begun inside the block, so that it is rolled back before.
        NotFoundError is not kept: what somebody does not see has no form either.
        """
        try:
            yield
        except NotFoundError:
            raise
        except StaleError as error:
            self[WHOLE] = str(error)
            self.changes, self.was = error.changes, packed(error.now)
        except RefusedError as error:
            self[field] = str(error)

    @property
    def status(self) -> int:
        """The status of the answer that shows the form."""
        if not self:
            return 200
        return 409 if self.changes else 422


def packed(shown: Mapping[str, str]) -> str:
    """What a form shows, for a hidden field of it."""
    return json.dumps(dict(shown), ensure_ascii=False, sort_keys=True)


def unpacked(text: str) -> dict[str, str]:
    """What `packed` made. Of what is none nothing: then nothing is compared."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def start_of(typed: str, *, after: bool = False) -> int | None:
    """The first moment of a day in Brussels, or of the day after it; None when none was typed.

    Raises InvalidError for what is no day.
    """
    if not typed.strip():
        return None
    try:
        day = date.fromisoformat(typed.strip()) + timedelta(days=after)
        return times.from_datetime(datetime.combine(day, datetime.min.time()))
    except (ValueError, OverflowError, InvalidError):
        raise InvalidError(
            _("%(day)s is no day; write it as 2026-03-01.") % {"day": typed[:20]}
        ) from None
