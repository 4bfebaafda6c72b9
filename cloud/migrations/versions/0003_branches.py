"""What a person decided about a branch."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "branches",
        Column("epoch_id", Id, ForeignKey("epochs.id"), primary_key=True),
        Column("attributed", Boolean, nullable=False, comment="or else dismissed"),
        Column("resolved_ms", BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("branches")
