"""Writing the trail, in the transaction of what it tells of: neither happens without the other."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from cloud.audit.tables import audit
from cloud.errors import InvalidError
from cloud.times import now_ms

_TAG = re.compile(r"(console|api|command|webhook):[a-z-]{1,32}:[a-z-]{1,32}")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, through what, and from where.

    `source` is `console`, `api`, `command`, or `webhook` for what is sent to one. Without
    `account_id` it is the program of a token, a worker's app, or else the operator of the machine.
    """

    source: str
    account_id: int | None = None
    address: str | None = None
    token_id: int | None = None
    app_id: int | None = None


OPERATOR = Actor("command")
"""Whoever may run commands on the platform's machine."""


def note(
    conn: Connection,
    actor: Actor,
    subject: str,
    action: str,
    *,
    company_id: int | None = None,
    target_id: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write one line: `subject` and `action` are words such as `worker` and `create`.

    `detail` must hold no secret, and personal data masked only. Raises InvalidError for words that
    make no tag.
    """
    tag = f"{actor.source}:{subject}:{action}"
    if not _TAG.fullmatch(tag):
        raise InvalidError(f"{tag!r} is no tag of the trail; it is source:subject:action")
    given = {"token": actor.token_id, "app": actor.app_id}
    named = {name: number for name, number in given.items() if number is not None}
    conn.execute(
        insert(audit).values(
            at_ms=now_ms(),
            tag=tag,
            account_id=actor.account_id,
            company_id=company_id,
            target_id=target_id,
            detail=json.dumps(named | dict(detail or {}), ensure_ascii=False, sort_keys=True),
            address=actor.address,
        )
    )
