"""Whether what a terminal sent became registrations: what `explain` says of custody.

Of what it sent while it stood where the viewer reaches nothing, nothing is said.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

from cloud.custody import health, reasons, saying
from cloud.times import rfc3339
from cloud.visibility.rules import Viewer
from cloud.visibility.steps import Mender, Step, note, stop
from cloud.visibility.told import visible_alarms, visible_records, visible_refusals


def steps(conn: Connection, seen_by: Viewer, terminal: int) -> Iterator[Step]:
    """What is being read, what is not understood, what was refused, and the alarms that stand."""
    unread = health.unread(conn, terminal, visible=visible_records(seen_by))
    if unread["behind"]:
        yield note(
            "custody",
            "{behind} records were received and are being read.",
            "Look again in a moment.",
            Mender.NOBODY,
            behind=unread["behind"],
        )
    for reason, count in unread["waiting"].items():
        yield stop(
            "custody",
            "{count} records are kept but not understood: {reason}.",
            "They are tried again by themselves; the operator sees the cause.",
            Mender.OPERATOR,
            count=count,
            reason=reasons.waiting(reason),
        )
    for row in health.refused(conn, terminal, visible=visible_refusals(seen_by)):
        yield note(
            "rejected",
            "{count} messages in its name were refused, the last one at {when}: {reason}.",
            "The operator sees each of them.",
            Mender.OPERATOR,
            count=row["count"],
            when=rfc3339(row["last_ms"]),
            reason=reasons.refused(row["reason"]),
        )
    for kind in health.standing(conn, terminal, visible=visible_alarms(seen_by)):
        yield note(
            "alarm",
            "An alarm stands: {kind}.",
            "The operator decides what becomes of it.",
            Mender.OPERATOR,
            kind=saying.KINDS.get(kind, kind),
        )
