"""Tokens with which programs read the API. The caller commits."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, true, update

from cloud import text
from cloud.accounts import scopes, tokens
from cloud.accounts.tables import api_tokens
from cloud.companies.tables import companies
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.times import now_ms

MOST = 50
"""Tokens of one company in use."""


def checked_name(name: str) -> str:
    """A token's name, tidied. Raises InvalidError."""
    return text.name(name, _("the token's name"))


def make(
    conn: Connection,
    name: str,
    *,
    company: int | None,
    whole_badges: bool = False,
    may: Iterable[str] = (),
    expires_ms: int | None = None,
) -> tuple[int, str]:
    """A new token: its id, and the secret, which is kept nowhere. Raises InvalidError.

    With a `company` it sees what that company's auditors see; without, all of the platform. `may`
    are the scopes, `scopes.LEAST` when there are none. From `expires_ms` on it is worth nothing.
    """
    if expires_ms is not None and expires_ms <= now_ms():
        raise InvalidError(_("A token cannot end before it begins; give a day to come."))
    token = tokens.make()
    made = insert(api_tokens).values(
        name=checked_name(name),
        token_hash=tokens.digest(token),
        company_id=company,
        whole_badges=whole_badges,
        scopes=scopes.written(scopes.checked(may, operator=company is None)),
        created_ms=now_ms(),
        expires_ms=expires_ms,
    )
    return int(conn.execute(made.returning(api_tokens.c.id)).scalar_one()), token


def find(conn: Connection, token: str) -> RowMapping | None:
    """The token a secret belongs to, and what it may, unless it was revoked or ended."""
    try:
        digest = tokens.digest(token)
    except InvalidError:
        return None
    query = select(
        api_tokens.c.id,
        api_tokens.c.company_id,
        api_tokens.c.whole_badges,
        api_tokens.c.scopes,
    ).where(
        api_tokens.c.token_hash == digest,
        api_tokens.c.revoked_ms.is_(None),
        or_(api_tokens.c.expires_ms.is_(None), api_tokens.c.expires_ms > now_ms()),
    )
    return conn.execute(query).mappings().one_or_none()


def revoke(conn: Connection, token_id: int, *, company: int | None = None) -> int | None:
    """Make a token useless, at once; the company it was of. Raises NotFoundError.

    With a `company`, of that company alone.
    """
    of = true() if company is None else api_tokens.c.company_id == company
    changed = conn.execute(
        update(api_tokens)
        .where(api_tokens.c.id == token_id, api_tokens.c.revoked_ms.is_(None), of)
        .values(revoked_ms=now_ms())
        .returning(api_tokens.c.company_id)
    ).one_or_none()
    if changed is None:
        raise NotFoundError(
            _("There is no token %(number)d in use; the list of tokens says which there are.")
            % {"number": token_id}
        )
    return None if changed.company_id is None else int(changed.company_id)


def held(conn: Connection, company: int) -> int:
    """How many tokens of a company are neither revoked nor ended."""
    in_use = or_(api_tokens.c.expires_ms.is_(None), api_tokens.c.expires_ms > now_ms())
    query = select(func.count(api_tokens.c.id)).where(
        api_tokens.c.company_id == company, api_tokens.c.revoked_ms.is_(None), in_use
    )
    return int(conn.execute(query).scalar_one())


def one(conn: Connection, company: int, token_id: int) -> dict[str, Any]:
    """A token of a company, as `listed` gives it. Raises NotFoundError."""
    for row in listed(conn, company=company):
        if row["id"] == token_id:
            return row
    raise NotFoundError(_("There is no such token."))


def listed(conn: Connection, *, company: int | None = None) -> list[dict[str, Any]]:
    """All tokens, or those of a company, by id; never the secrets."""
    of = true() if company is None else api_tokens.c.company_id == company
    rows = conn.execute(
        select(
            api_tokens.c.id,
            api_tokens.c.name,
            companies.c.name.label("company"),
            api_tokens.c.whole_badges,
            api_tokens.c.scopes,
            api_tokens.c.revoked_ms.is_not(None).label("revoked"),
            api_tokens.c.created_ms,
            api_tokens.c.expires_ms,
        )
        .outerjoin(companies, companies.c.id == api_tokens.c.company_id)
        .where(of)
        .order_by(api_tokens.c.id)
    )
    return [dict(row) for row in rows.mappings()]
