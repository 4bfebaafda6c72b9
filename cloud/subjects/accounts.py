"""Everything that is held of an account, as plain values."""

import json
from typing import Any

from sqlalchemy import Connection, select

from cloud.accounts import passkeys, second, sessions
from cloud.accounts.queries import companies_of
from cloud.accounts.tables import access_requests, accounts, invitations
from cloud.audit.tables import audit
from cloud.companies.tables import companies
from cloud.mail.tables import mails
from cloud.notifications.tables import notifications
from cloud.times import now_ms, rfc3339
from cloud.visibility import row_security


def holdings(conn: Connection, account: int) -> dict[str, Any]:
    """All of it; of password and second factor only that there are some."""
    with row_security.lifted(conn):
        row = conn.execute(select(accounts).where(accounts.c.id == account)).one()
        mine = companies_of(conn, account)
        return {
            "made_at": rfc3339(now_ms()),
            "account": {
                "number": row.id,
                "email": row.email,
                "name": row.name,
                "language": row.language,
                "password": row.password is not None,
                "second_factor": second.is_asked(conn, account),
                "operator": bool(row.operator),
                "created_at": rfc3339(row.created_ms),
            },
            "companies": [
                {"name": each["name"], "role": each["role"], "external": bool(each["external"])}
                for each in mine
            ],
            "sessions": [
                {"since": rfc3339(each["created_ms"]), "seen": rfc3339(each["seen_ms"])}
                for each in sessions.of(conn, account)
            ],
            "passkeys": [
                {
                    "name": each["name"],
                    "for": each["rp_id"],
                    "since": rfc3339(each["created_ms"]),
                    "used": None if each["used_ms"] is None else rfc3339(each["used_ms"]),
                }
                for each in passkeys.of(conn, account)
            ],
            "notifications": _moments(
                conn,
                select(notifications.c.kind, notifications.c.at_ms).where(
                    notifications.c.account_id == account
                ),
            ),
            "mails": _moments(
                conn,
                select(mails.c.subject, mails.c.created_ms).where(mails.c.address == row.email),
            ),
            "invitations": _moments(
                conn,
                select(companies.c.name, invitations.c.created_ms)
                .join(companies, companies.c.id == invitations.c.company_id)
                .where(invitations.c.email == row.email),
            ),
            "requests": _moments(
                conn,
                select(companies.c.name, access_requests.c.created_ms)
                .join(companies, companies.c.id == access_requests.c.company_id)
                .where(access_requests.c.account_id == account),
            ),
            "trail": [
                {
                    "at": rfc3339(line.at_ms),
                    "what": line.tag,
                    "address": line.address,
                    "detail": json.loads(line.detail),
                }
                for line in conn.execute(
                    select(audit).where(audit.c.account_id == account).order_by(audit.c.id)
                )
            ],
        }


def _moments(conn: Connection, query: Any) -> list[dict[str, Any]]:
    """What, and when."""
    return [{"what": what, "at": rfc3339(at_ms)} for what, at_ms in conn.execute(query)]
