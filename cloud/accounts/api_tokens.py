"""Tokens with which programs read the API. The caller commits."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from cloud import text
from cloud.accounts import scopes, tokens
from cloud.accounts.tables import api_tokens
from cloud.companies.tables import companies
from cloud.errors import InvalidError, NotFoundError
from cloud.times import now_ms


def make(
    conn: Connection,
    name: str,
    *,
    company: int | None,
    whole_badges: bool = False,
    may: Iterable[str] = (),
) -> tuple[int, str]:
    """A new token: its id, and the secret, which is kept nowhere. Raises InvalidError.

    With a `company` it sees what that company's auditors see; without, all of the platform. `may`
    are the scopes, `scopes.LEAST` when there are none.
    """
    token = tokens.make()
    made = insert(api_tokens).values(
        name=text.name(name, "the token's name"),
        token_hash=tokens.digest(token),
        company_id=company,
        whole_badges=whole_badges,
        scopes=scopes.written(scopes.checked(may, operator=company is None)),
        created_ms=now_ms(),
    )
    return int(conn.execute(made.returning(api_tokens.c.id)).scalar_one()), token


def find(conn: Connection, token: str) -> RowMapping | None:
    """The token a secret belongs to, and what it may, unless it was revoked."""
    try:
        digest = tokens.digest(token)
    except InvalidError:
        return None
    query = select(
        api_tokens.c.id,
        api_tokens.c.company_id,
        api_tokens.c.whole_badges,
        api_tokens.c.scopes,
    ).where(api_tokens.c.token_hash == digest, api_tokens.c.revoked_ms.is_(None))
    return conn.execute(query).mappings().one_or_none()


def revoke(conn: Connection, token_id: int) -> int | None:
    """Make a token useless, at once; the company it was of. Raises NotFoundError."""
    changed = conn.execute(
        update(api_tokens)
        .where(api_tokens.c.id == token_id, api_tokens.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms())
        .returning(api_tokens.c.company_id)
    ).one_or_none()
    if changed is None:
        raise NotFoundError(
            f"there is no token {token_id} in use; see `pointeuse cloud token list`"
        )
    return None if changed.company_id is None else int(changed.company_id)


def listed(conn: Connection) -> list[dict[str, Any]]:
    """All tokens, by id; never the secrets."""
    rows = conn.execute(
        select(
            api_tokens.c.id,
            api_tokens.c.name,
            companies.c.name.label("company"),
            api_tokens.c.whole_badges,
            api_tokens.c.scopes,
            api_tokens.c.revoked_ms.is_not(None).label("revoked"),
        )
        .outerjoin(companies, companies.c.id == api_tokens.c.company_id)
        .order_by(api_tokens.c.id)
    )
    return [dict(row) for row in rows.mappings()]
