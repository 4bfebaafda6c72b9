"""The role that reads for people reads of accounts and sessions what pages show, and no more.

No password's hash, and none of what stands in a cookie, a link or a token; of sessions, second
factors and passkeys one's own alone. What waits to be mailed holds links that let somebody in.
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"
_COLUMNS = {
    "accounts": "id, email, name",
    "sessions": "id, account_id, company_id, created_ms, seen_ms, half",
    "api_tokens": "id, name",
    "invitations": "id, company_id, email, role, external, created_ms, expires_ms, closed_ms",
}
_HIDDEN = "links, mails"
_OWN = ("sessions", "totps", "recovery_codes", "passkeys")
_ACCOUNT = "SELECT nullif(current_setting('pointeuse.account', true), '')::bigint"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"REVOKE ALL ON {_HIDDEN} FROM {ROLE}")
    for table, columns in _COLUMNS.items():
        op.execute(f"REVOKE ALL ON {table} FROM {ROLE}")
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO {ROLE}")
    op.execute(
        f"CREATE FUNCTION pointeuse_account() RETURNS bigint LANGUAGE sql STABLE AS $${_ACCOUNT}$$"
    )
    for table in _OWN:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_seen ON {table} FOR SELECT TO {ROLE}"
            " USING (account_id = (SELECT pointeuse_account()))"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _OWN:
        op.execute(f"DROP POLICY {table}_seen ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION pointeuse_account()")
    for table in _COLUMNS:
        op.execute(f"REVOKE ALL ON {table} FROM {ROLE}")
        op.execute(f"GRANT SELECT ON {table} TO {ROLE}")
    op.execute(f"GRANT SELECT ON {_HIDDEN} TO {ROLE}")
