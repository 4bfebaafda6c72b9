"""What is set on terminals, the key it is encrypted to, and what is in force there."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "configurations",
        Column("terminal_id", Id, ForeignKey("terminals.id"), nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False, comment="protocol.configured.Configured"),
        Column("created_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("terminal_id", "number"),
    )
    op.add_column(
        "terminals",
        Column("sealing_key", LargeBinary, comment="X25519, as the terminal's last hello says"),
    )
    op.add_column(
        "terminals",
        Column("config_number", BigInteger, comment="in force, as its last hello says"),
    )


def downgrade() -> None:
    op.drop_column("terminals", "config_number")
    op.drop_column("terminals", "sealing_key")
    op.drop_table("configurations")
