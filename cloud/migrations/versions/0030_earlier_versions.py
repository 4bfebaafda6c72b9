"""Snapshots forget whom a registration named before it was attributed to somebody else."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_BEFORE = "what IN ('registration', 'correction', 'entered', 'approved')"
_SINCE = "what IN ('registration', 'earlier', 'correction', 'entered', 'approved')"


def upgrade() -> None:
    """Let a withdrawal be of earlier versions."""
    column = sa.Column("version", sa.Integer, comment="of `earlier`: the last one that goes")
    with op.batch_alter_table("withdrawals") as table:
        table.drop_constraint("ck_withdrawals_what")
        table.create_check_constraint("what", _SINCE)
        table.add_column(column)


def downgrade() -> None:
    """Forget those that are."""
    op.execute("DELETE FROM withdrawals WHERE what = 'earlier'")
    with op.batch_alter_table("withdrawals") as table:
        table.drop_column("version")
        table.drop_constraint("ck_withdrawals_what")
        table.create_check_constraint("what", _BEFORE)
