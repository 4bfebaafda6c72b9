"""Accounts, their sessions and access to companies; and the trail, which nobody can change."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    false,
)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")
_ROLE = "role IN ('administrator', 'manager', 'viewer', 'auditor')"


def upgrade() -> None:
    op.create_table(
        "accounts",
        Column("id", Id, primary_key=True),
        Column("email", Text, nullable=False, unique=True, comment="normalised: lower case"),
        Column("name", Text, nullable=False),
        Column("password", Text, comment="argon2id, encoded; NULL: none chosen yet"),
        Column("language", Text, nullable=False, server_default="fr"),
        Column("failures", Integer, nullable=False, server_default="0", comment="in a row"),
        Column("locked_until_ms", BigInteger),
        Column("disabled_ms", BigInteger),
        Column("created_ms", BigInteger, nullable=False),
        CheckConstraint("language IN ('fr', 'nl', 'de', 'en')", name="language"),
    )
    op.create_table(
        "sessions",
        Column("id", Id, primary_key=True),
        Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
        Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
        Column("company_id", Id, ForeignKey("companies.id"), comment="the active one"),
        Column("created_ms", BigInteger, nullable=False),
        Column("seen_ms", BigInteger, nullable=False),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_table(
        "memberships",
        Column("id", Id, primary_key=True),
        Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
        Column("company_id", Id, ForeignKey("companies.id"), nullable=False),
        Column("role", Text, nullable=False),
        Column("external", Boolean, nullable=False, server_default=false()),
        Column("created_ms", BigInteger, nullable=False),
        UniqueConstraint("account_id", "company_id"),
        CheckConstraint(_ROLE, name="role"),
    )
    op.create_index("ix_memberships_company_id", "memberships", ["company_id"])
    op.create_table(
        "invitations",
        Column("id", Id, primary_key=True),
        Column("company_id", Id, ForeignKey("companies.id"), nullable=False),
        Column("email", Text, nullable=False, comment="normalised"),
        Column("role", Text, nullable=False),
        Column("external", Boolean, nullable=False, server_default=false()),
        Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
        Column("created_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger, nullable=False),
        Column("closed_ms", BigInteger, comment="accepted or withdrawn"),
        CheckConstraint(_ROLE, name="role"),
    )
    op.create_index("ix_invitations_company_id", "invitations", ["company_id"])
    op.create_table(
        "grants",
        Column("id", Id, primary_key=True),
        Column("membership_id", Id, ForeignKey("memberships.id")),
        Column(
            "invitation_id", Id, ForeignKey("invitations.id"), comment="what it would come with"
        ),
        Column("division_id", Id, ForeignKey("divisions.id")),
        Column("site_id", Id, ForeignKey("sites.id")),
        UniqueConstraint("membership_id", "division_id"),
        UniqueConstraint("membership_id", "site_id"),
        CheckConstraint("(membership_id IS NULL) <> (invitation_id IS NULL)", name="holder"),
        CheckConstraint("(division_id IS NULL) <> (site_id IS NULL)", name="place"),
    )
    op.create_index("ix_grants_invitation_id", "grants", ["invitation_id"])
    op.create_table(
        "audit",
        Column("id", Id, primary_key=True),
        Column("at_ms", BigInteger, nullable=False),
        Column(
            "tag", Text, nullable=False, comment="source:subject:action, as console:worker:create"
        ),
        Column("account_id", Id, comment="NULL: the operator, at the machine itself"),
        Column("company_id", Id, comment="whose administrators and auditors may read it"),
        Column("target_id", Id, comment="id of the subject"),
        Column("detail", Text, nullable=False, comment="JSON; personal data masked"),
        Column("address", Text, comment="where the request came from"),
    )
    op.create_index("ix_audit_company_id_id", "audit", ["company_id", "id"])
    for statement in _append_only(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")
    for table in ("grants", "invitations", "memberships", "sessions", "accounts"):
        op.drop_table(table)


def _append_only(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER audit_refuses_{verb} BEFORE {verb} ON audit"
            " BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            for verb in ("update", "delete")
        ]
    function = (
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$"
    )
    trigger = (
        "CREATE TRIGGER audit_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )
    return [function, trigger]
