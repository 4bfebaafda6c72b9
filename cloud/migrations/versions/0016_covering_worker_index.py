"""A worker's newest registrations with all that the rules ask of them, out of the index alone."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NAME = "ix_registrations_worker_id_tapped_ms"
_COLUMNS = ["worker_id", "tapped_ms"]
_ASKED = ["company_id", "employer_id", "division_id", "site_id", "corrected", "reason"]


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(_NAME, "registrations")
        op.create_index(_NAME, "registrations", _COLUMNS, postgresql_include=_ASKED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(_NAME, "registrations")
        op.create_index(_NAME, "registrations", _COLUMNS)
