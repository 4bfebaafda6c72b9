"""Corrections and exports."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("divisions", "sites"):
        op.add_column(table, Column("closed_ms", BigInteger, comment="NULL: open"))


def downgrade() -> None:
    for table in ("sites", "divisions"):
        op.drop_column(table, "closed_ms")
