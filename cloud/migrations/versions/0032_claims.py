"""Asking to take over a private company waits for whoever runs the platform."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the name under which a private company is to be registered."""
    op.add_column(
        "access_requests",
        sa.Column(
            "claims",
            sa.Text,
            comment="the name a private company is to have; NULL: it is registered already",
        ),
    )


def downgrade() -> None:
    """Forget those that wait: nobody can be let in by them any more."""
    op.execute("DELETE FROM access_requests WHERE claims IS NOT NULL AND decided_ms IS NULL")
    op.drop_column("access_requests", "claims")
