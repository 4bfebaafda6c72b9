"""Why a webhook gets nothing, or not all: what was found, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.webhooks import queries
from cloud.webhooks.sending import MEANINGS, Outcome

_LATE_MS = 120_000
"""What is due for longer, nobody takes in hand."""

_ENDINGS = {
    "by-hand": mark("It was deactivated at %(at)s; until it is activated, nothing is sent to it."),
    "failing": mark(
        "It was given up at %(at)s: for three days its server took nothing. Mend that, and activate"
        " it: what it is owed follows."
    ),
    "gone": mark(
        "It was given up at %(at)s: its server answered that it is gone for good (410). Activate it"
        " when that is not so any more."
    ),
    "token": mark(
        "It ended at %(at)s with the token of the program that made it or changed it last, which"
        " was revoked or ran out. An administrator may activate it: what it is owed follows."
    ),
}


def why(conn: Connection, webhook: Mapping[str, Any], at_ms: int) -> list[str]:
    """What keeps a webhook of `queries.one` from getting everything; nothing, when nothing does.

    Sentences in the current language.
    """
    return list(_found(conn, webhook, at_ms))


def _found(conn: Connection, webhook: Mapping[str, Any], at_ms: int) -> Iterator[str]:
    failing = webhook["failing_since_ms"] is not None
    if not webhook["active"]:
        sentence = _ENDINGS[webhook["ended"]]
        yield _(sentence) % {"at": formats.moment(webhook["ended_ms"])}
    if failing:
        yield _("It has taken nothing since %(since)s. What became of the last try: %(what)s.") % {
            "since": formats.moment(webhook["failing_since_ms"]),
            "what": told(webhook["outcome"], webhook["status"]),
        }
    if webhook["active"] and failing:
        again = {"again": formats.moment(webhook["paused_until_ms"])}
        yield _("It is tried again at %(again)s.") % again
    if webhook["missed"]:
        yield _(
            "Of what was sent, %(count)d was given up after three days, while it took the rest;"
            " look at what was answered, and send it again."
        ) % {"count": webhook["missed"]}
    if webhook["active"] and not failing:
        yield from _unattended(conn, webhook, at_ms)


def _unattended(conn: Connection, webhook: Mapping[str, Any], at_ms: int) -> Iterator[str]:
    due_ms = queries.oldest_due(conn, webhook["id"], at_ms)
    if due_ms is not None and at_ms - due_ms > _LATE_MS:
        yield _(
            "Nobody takes in hand what has been due since %(since)s: whoever runs the platform has"
            " to see that `pointeuse cloud serve` runs."
        ) % {"since": formats.moment(due_ms)}
    if webhook["taken_ms"] is None and not webhook["owed"]:
        yield _("Nothing that it is told of has happened yet; send it a test.")


def told(outcome: str | None, status: int | None) -> str:
    """What became of a try, in the current language, with the status of HTTP if one came."""
    if outcome is None:
        return _("not tried yet")
    known = {each.value: each for each in Outcome}
    text = _(MEANINGS[known[outcome]]) if outcome in known else outcome
    return text if status is None else f"{text} ({status})"
