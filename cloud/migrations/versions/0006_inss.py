"""The INSS of workers: encrypted, and found by a keyed hash."""

from alembic import op
from sqlalchemy import Column, LargeBinary

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", Column("inss_sealed", LargeBinary, comment="cloud.workers.vault"))
    op.add_column(
        "workers",
        Column("inss_mark", LargeBinary, comment="what it is found by; one person once a company"),
    )
    op.create_index(
        "ix_workers_company_id_inss_mark", "workers", ["company_id", "inss_mark"], unique=True
    )


def downgrade() -> None:
    op.drop_index("ix_workers_company_id_inss_mark", "workers")
    op.drop_column("workers", "inss_mark")
    op.drop_column("workers", "inss_sealed")
