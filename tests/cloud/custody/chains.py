"""Chains in custody, by when which of their records were received; what they say is not read."""

from collections.abc import Mapping

from sqlalchemy import Connection, insert

from cloud.custody.tables import epochs, heads, records, waiting


def hold(
    conn: Connection,
    terminal: int,
    received: Mapping[int, int],
    *,
    epoch: bytes = b"\xab" * 16,
    branch: int = 0,
    read: int = 0,
    waits: Mapping[int, str] | None = None,
) -> int:
    """The id of an epoch that holds these seqs, `received` at these moments, each under a head.

    It is `read` up to a seq; `waits` are reasons by seq.
    """
    last = max(received)
    made = insert(epochs).values(
        terminal_id=terminal, epoch=epoch, branch=branch, ordinal=7, first_seq=min(received),
        head_seq=last, head_link=_link(last), interpreted_seq=read,
        created_ms=received[min(received)],
    )  # fmt: skip
    number = int(conn.execute(made.returning(epochs.c.id)).scalar_one())
    for seq, at_ms in received.items():
        conn.execute(
            insert(records).values(
                epoch_id=number, seq=seq, body=b"", link=_link(seq), received_ms=at_ms
            )
        )
        conn.execute(insert(heads).values(epoch_id=number, seq=seq, head=b""))
    for seq, reason in (waits or {}).items():
        row = {"epoch_id": number, "seq": seq, "reason": reason, "detail": "", "tried_ms": 0}
        conn.execute(insert(waiting).values(row))
    return number


def _link(seq: int) -> bytes:
    return seq.to_bytes(8, "big") + bytes(24)
