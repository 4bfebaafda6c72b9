"""Technical accounts of workers, their apps, and codes that pair them with one.

On PostgreSQL an app looks at no company, so what is given to those who do is not given to it. Its
worker's own is found from its number by functions that run as the owner: the table of workers
could not ask about itself. Hashes of tokens and codes are read by nobody who only reads.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_FUNCTIONS = {
    "pointeuse_worker() RETURNS bigint": """
        SELECT technical_accounts.worker_id FROM apps
        JOIN technical_accounts ON technical_accounts.id = apps.technical_account_id
        JOIN workers ON workers.id = technical_accounts.worker_id
        WHERE apps.id = nullif(current_setting('pointeuse.app', true), '')::bigint
            AND apps.revoked_ms IS NULL AND workers.active""",
    "pointeuse_employer() RETURNS bigint": """
        SELECT company_id FROM workers WHERE id = pointeuse_worker()""",
}

# Policies of their own, beside those of everybody else: a row is shown when any of them gives it.
# As theirs, within CASE they are no road to the rows.
_OWN = {
    "registrations": """
        CASE WHEN worker_id = (SELECT pointeuse_worker())
            THEN (company_id = (SELECT pointeuse_employer()) AND NOT site_let_go)
                OR (employer_id = (SELECT pointeuse_employer()) AND NOT employer_let_go)
            ELSE false END""",
    "workers": "CASE WHEN id = (SELECT pointeuse_worker()) THEN true ELSE false END",
    "registration_corrections": """
        CASE WHEN worker_id = (SELECT pointeuse_worker())
            THEN company_id = (SELECT pointeuse_employer()) ELSE false END""",
}
_NEW = {
    "technical_accounts": """
        worker_id = (SELECT pointeuse_worker())
        OR ((SELECT pointeuse_inside()) AND EXISTS (SELECT FROM workers
            WHERE workers.id = worker_id AND workers.company_id = (SELECT pointeuse_company())))""",
    "apps": """
        EXISTS (SELECT FROM technical_accounts AS account
            WHERE account.id = technical_account_id)""",
}


def upgrade() -> None:
    op.create_table(
        "technical_accounts",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("worker_id", _ID, sa.ForeignKey("workers.id"), nullable=False, unique=True),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "apps",
        sa.Column("id", _ID, primary_key=True),
        sa.Column(
            "technical_account_id", _ID, sa.ForeignKey("technical_accounts.id"), nullable=False
        ),
        sa.Column("name", sa.Text, nullable=False, comment="as the app calls its device"),
        sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True, comment="SHA-256"),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column(
            "used_ms",
            sa.BigInteger,
            comment="the day it last asked, by its first moment in Brussels",
        ),
        sa.Column("revoked_ms", sa.BigInteger),
    )
    op.create_index("ix_apps_technical_account_id", "apps", ["technical_account_id"])
    op.create_table(
        "pairing_codes",
        sa.Column(
            "worker_id",
            _ID,
            sa.ForeignKey("workers.id"),
            primary_key=True,
            comment="one each: the newest",
        ),
        sa.Column("code_hash", sa.LargeBinary, nullable=False, unique=True, comment="SHA-256"),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
    )
    if op.get_bind().dialect.name == "postgresql":
        _let_apps_read()


def _let_apps_read() -> None:
    for signature, body in _FUNCTIONS.items():
        name = signature.split(" ")[0]
        op.execute(
            f"CREATE FUNCTION {signature} LANGUAGE sql STABLE SECURITY DEFINER"
            f" SET search_path = public, pg_temp AS $${body}$$"
        )
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {ROLE}")
    for table in _NEW:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    for ending, policies in (("seen_by_app", _OWN), ("seen", _NEW)):
        for table, condition in policies.items():
            op.execute(
                f"CREATE POLICY {table}_{ending} ON {table} FOR SELECT TO {ROLE}"
                f" USING ({condition})"
            )
    op.execute(f"REVOKE ALL ON apps, pairing_codes FROM {ROLE}")
    told = "id, technical_account_id, name, created_ms, used_ms, revoked_ms"
    op.execute(f"GRANT SELECT ({told}) ON apps TO {ROLE}")


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        for table in _OWN:
            op.execute(f"DROP POLICY {table}_seen_by_app ON {table}")
    for table in ("pairing_codes", "apps", "technical_accounts"):
        op.drop_table(table)
    if postgresql:
        for signature in reversed(_FUNCTIONS):
            op.execute(f"DROP FUNCTION {signature.split(' ')[0]}")
