"""Which records count that a terminal carried over from an earlier epoch."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, PrimaryKeyConstraint

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "carried",
        Column("terminal_id", Id, ForeignKey("terminals.id"), nullable=False),
        Column("epoch", LargeBinary, nullable=False, comment="where the record stood first"),
        Column("seq", BigInteger, nullable=False, comment="where the record stood first"),
        Column("digest", LargeBinary, nullable=False, comment="H(body)"),
        Column("carrier_epoch_id", Id, nullable=False, comment="the record that carries it"),
        Column("carrier_seq", BigInteger, nullable=False),
        PrimaryKeyConstraint("terminal_id", "epoch", "seq", "digest"),
    )


def downgrade() -> None:
    op.drop_table("carried")
