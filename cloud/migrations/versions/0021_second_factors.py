"""Second factors of accounts: one-time passwords by the clock, and codes for who lost them."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "totps",
        sa.Column("account_id", _ID, sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column(
            "sealed",
            sa.LargeBinary,
            nullable=False,
            comment="what codes are made from, sealed by the vault",
        ),
        sa.Column(
            "step",
            sa.BigInteger,
            nullable=False,
            server_default="0",
            comment="the last that counted",
        ),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column(
            "confirmed_ms",
            sa.BigInteger,
            comment="NULL: no code of it was given yet, so none is asked",
        ),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True, comment="SHA-256"),
        sa.Column("account_id", _ID, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("used_ms", sa.BigInteger),
    )
    op.create_index("ix_recovery_codes_account_id", "recovery_codes", ["account_id"])
    op.add_column(
        "sessions",
        sa.Column(
            "half",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="the password was right, the second factor is yet to come",
        ),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Whether somebody has one is shown on their page; the secret is read by nobody who reads.
        op.execute(f"REVOKE ALL ON totps, recovery_codes FROM {ROLE}")
        op.execute(f"GRANT SELECT (account_id, confirmed_ms) ON totps TO {ROLE}")
        op.execute(f"GRANT SELECT (account_id, used_ms) ON recovery_codes TO {ROLE}")


def downgrade() -> None:
    op.drop_column("sessions", "half")
    op.drop_table("recovery_codes")
    op.drop_table("totps")
