"""The program that a webhook answers to, and its end with that program's token.

A webhook that a program made, or was the last to change or activate, may be shown what that program
may read. When its token is revoked or ends, nobody vouches for it any more: it is sent nothing
until an administrator, or another program, activates it, to whom it answers from then on. The
caller commits.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, or_, select, update

from cloud.accounts.tables import api_tokens
from cloud.webhooks.tables import webhooks


def of(conn: Connection, token: int) -> Sequence[tuple[int, str]]:
    """Id and name of the active webhooks that answer to a token: they end with it."""
    query = select(webhooks.c.id, webhooks.c.name).where(
        webhooks.c.token_id == token, webhooks.c.active
    )
    return [(row.id, row.name) for row in conn.execute(query.order_by(webhooks.c.id))]


def is_any(conn: Connection, at_ms: int) -> bool:
    """Whether a webhook is active whose token is worth nothing."""
    query = select(webhooks.c.id).where(_forsaken(at_ms)).limit(1)
    return conn.execute(query).one_or_none() is not None


def end(conn: Connection, at_ms: int) -> list[int]:
    """End the webhooks whose token is worth nothing at that moment; their ids."""
    ended = {"active": False, "ended": "token", "ended_ms": at_ms}
    these = select(webhooks.c.id).where(_forsaken(at_ms)).order_by(webhooks.c.id)
    these = these.with_for_update(skip_locked=True)
    changed = update(webhooks).where(webhooks.c.id.in_(these)).values(**ended)
    return sorted(conn.execute(changed.returning(webhooks.c.id)).scalars())


def _forsaken(at_ms: int) -> ColumnElement[bool]:
    worthless = select(api_tokens.c.id).where(
        or_(api_tokens.c.revoked_ms.is_not(None), api_tokens.c.expires_ms <= at_ms)
    )
    return webhooks.c.active & webhooks.c.token_id.in_(worthless)
