"""Passkeys of accounts, and what authenticators were asked to sign and have not yet."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "accounts",
        sa.Column(
            "passkey_handle",
            sa.LargeBinary,
            comment="what authenticators know it by: random (WebAuthn, user handle);"
            " NULL: none does",
        ),
    )
    op.create_index("ix_accounts_passkey_handle", "accounts", ["passkey_handle"], unique=True)
    op.create_table(
        "passkeys",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("account_id", _ID, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False, comment="COSE_Key (RFC 9052)"),
        sa.Column("sign_count", sa.BigInteger, nullable=False, comment="as it was told last"),
        sa.Column(
            "rp_id", sa.Text, nullable=False, comment="the name it was made for, and works at"
        ),
        sa.Column(
            "synced", sa.Boolean, nullable=False, comment="may be on several devices of its owner"
        ),
        sa.Column(
            "transports", sa.Text, nullable=False, comment="how a browser reaches it, by spaces"
        ),
        sa.Column("name", sa.Text, nullable=False, comment="as its owner knows it"),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
        sa.Column("stopped_ms", sa.BigInteger, comment="its count went back: there may be a copy"),
    )
    op.create_index("ix_passkeys_account_id", "passkeys", ["account_id"])
    op.create_table(
        "passkey_challenges",
        sa.Column("challenge", sa.LargeBinary, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column(
            "token_hash",
            sa.LargeBinary,
            nullable=False,
            comment="SHA-256 of what the asked browser holds",
        ),
        sa.Column("account_id", _ID, sa.ForeignKey("accounts.id"), comment="NULL: whoever answers"),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.CheckConstraint("purpose IN ('add', 'login', 'second')", name="purpose"),
    )
    op.create_index("ix_passkey_challenges_created_ms", "passkey_challenges", ["created_ms"])
    if op.get_bind().dialect.name == "postgresql":
        # What their owner's page shows; to look one up at a login is for nobody who only reads.
        op.execute(f"REVOKE ALL ON passkeys, passkey_challenges FROM {ROLE}")
        op.execute(
            "GRANT SELECT (id, account_id, rp_id, synced, name, created_ms, used_ms, stopped_ms)"
            f" ON passkeys TO {ROLE}"
        )


def downgrade() -> None:
    op.drop_table("passkey_challenges")
    op.drop_table("passkeys")
    op.drop_index("ix_accounts_passkey_handle", "accounts")
    op.drop_column("accounts", "passkey_handle")
