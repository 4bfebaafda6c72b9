"""Messages that fail for their authenticity: kept once each, counted, capped for each device."""

from sqlalchemy import Connection, func, insert, select, update

from cloud.custody.alarms import raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import rejected
from cloud.ingest.messages import Incoming
from cloud.times import now_ms
from protocol import cbor, topics

CAP = 1000
"""Different messages kept for one device; one more is an alarm, and is not kept."""
MESSAGE_BYTES = 64 * 1024
_DETAIL = 500


def keep(
    conn: Connection, incoming: Incoming, reason: str, detail: str, terminal_id: int | None = None
) -> None:
    """Note a message that was refused, or that it came again; `terminal_id` if that is known."""
    topic = topics.topic(incoming.device, incoming.name)
    digest = cbor.digest(topic.encode() + b"\0" + incoming.payload)
    now = now_ms()
    again = conn.execute(
        update(rejected)
        .where(rejected.c.digest == digest)
        .values(count=rejected.c.count + 1, last_ms=now)
    )
    if again.rowcount:
        return
    kept = conn.execute(
        select(func.count()).select_from(rejected).where(rejected.c.device == incoming.device)
    ).scalar_one()
    if kept >= CAP:
        raise_alarm(conn, terminal_id, What.REJECTED, device=incoming.device, most=CAP)
        return
    conn.execute(
        insert(rejected).values(
            digest=digest,
            device=incoming.device,
            topic=topic,
            reason=reason,
            detail=detail.replace("\0", "")[:_DETAIL],
            message=incoming.payload[:MESSAGE_BYTES],
            first_ms=now,
            last_ms=now,
        )
    )
