"""Reading the trail."""

import json
from typing import Any

from sqlalchemy import Connection, select

from cloud.accounts.tables import accounts
from cloud.audit.tables import audit
from cloud.times import rfc3339


def listed(
    conn: Connection, *, company_id: int | None = None, before: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Lines of the trail, the newest first; of one company only, if given."""
    query = (
        select(audit, accounts.c.email)
        .outerjoin(accounts, accounts.c.id == audit.c.account_id)
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    if company_id is not None:
        query = query.where(audit.c.company_id == company_id)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [
        {
            "id": row.id,
            "at": rfc3339(row.at_ms),
            "who": row.email or "operator",
            "tag": row.tag,
            "target": row.target_id,
            "detail": json.loads(row.detail),
            "address": row.address,
        }
        for row in conn.execute(query)
    ]
