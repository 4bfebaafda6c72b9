"""Indexes by which the newest registrations that somebody sees are found."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS = ("company_id", "employer_id", "division_id", "site_id")


def upgrade() -> None:
    for column in _COLUMNS:
        op.create_index(f"ix_registrations_{column}_id", "registrations", [column, "id"])


def downgrade() -> None:
    for column in _COLUMNS:
        op.drop_index(f"ix_registrations_{column}_id", "registrations")
