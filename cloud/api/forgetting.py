"""Taking a person out of what was answered to programs within the last day. The caller commits.

The key stays, so that nothing is done twice; whoever sends the same request again is told that the
key had another one.
"""

import json
import secrets
from typing import Any

from sqlalchemy import Connection, select, update

from cloud.accounts.tables import api_tokens
from cloud.api.tables import SEALED, idempotency_keys
from cloud.workers.tables import workers

_GONE = 410


def of_worker(conn: Connection, company: int, worker: int) -> int:
    """Empty the answers to a company's programs that name a worker; how many."""
    row = conn.execute(
        select(workers.c.given_name, workers.c.family_name).where(workers.c.id == worker)
    ).one()
    names = (row.given_name, row.family_name)
    table = idempotency_keys
    answers = conn.execute(
        select(table.c.token_id, table.c.key, table.c.answer)
        .join(api_tokens, api_tokens.c.id == table.c.token_id)
        # What is sealed is a secret, and about nobody.
        .where(api_tokens.c.company_id == company, ~table.c.answer.startswith(SEALED))
    ).all()
    emptied = 0
    for answer in answers:
        if not _names(json.loads(answer.answer), worker, names):
            continue
        conn.execute(
            update(table)
            .where(table.c.token_id == answer.token_id, table.c.key == answer.key)
            # What was asked named the person as well, and H of it can be tried.
            .values(request=secrets.token_bytes(32), status=_GONE, answer="null", headers="{}")
        )
        emptied += 1
    return emptied


def _names(said: Any, worker: int, names: tuple[str, str]) -> bool:
    """Whether an answer speaks of a worker, by number or by name."""
    if isinstance(said, list):
        return any(_names(each, worker, names) for each in said)
    if isinstance(said, dict):
        if said.get("worker_id") == worker or ("given_name" in said and said.get("id") == worker):
            return True
        return any(_names(each, worker, names) for each in said.values())
    return isinstance(said, str) and all(name in said for name in names)
