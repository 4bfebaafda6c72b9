"""What a chain misses in its midst, clock records, and which epochs carry records of which."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
)

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gaps",
        Column("epoch_id", Id, ForeignKey("epochs.id"), nullable=False),
        Column("first_seq", BigInteger, nullable=False),
        Column("last_seq", BigInteger, nullable=False),
        Column(
            "last_link",
            LargeBinary,
            nullable=False,
            comment="which the record after it continues",
        ),
        PrimaryKeyConstraint("epoch_id", "first_seq"),
        CheckConstraint("length(last_link) = 32", name="last_link"),
    )
    op.create_table(
        "clocks",
        Column("epoch_id", Id, ForeignKey("epochs.id"), nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("boot", LargeBinary, nullable=False),
        Column("boottime_ms", BigInteger, nullable=False),
        Column("wall_ms", BigInteger, nullable=False),
        Column("sync", Integer, nullable=False),
        Column("bound_ms", BigInteger),
        PrimaryKeyConstraint("epoch_id", "seq"),
    )
    op.create_table(
        "carriers",
        Column("terminal_id", Id, ForeignKey("terminals.id"), nullable=False),
        Column("epoch", LargeBinary, nullable=False, comment="of which records are carried"),
        Column("carrier_epoch_id", Id, ForeignKey("epochs.id"), nullable=False),
        Column("last_seq", BigInteger, nullable=False, comment="the last of them"),
        Column(
            "read_seq", BigInteger, nullable=False, server_default="0", comment="met late, up to it"
        ),
        PrimaryKeyConstraint("terminal_id", "epoch", "carrier_epoch_id"),
    )
    op.execute(
        "INSERT INTO carriers (terminal_id, epoch, carrier_epoch_id, last_seq)"
        " SELECT terminal_id, epoch, carrier_epoch_id, max(seq) FROM carried"
        " GROUP BY terminal_id, epoch, carrier_epoch_id"
    )


def downgrade() -> None:
    op.drop_table("carriers")
    op.drop_table("clocks")
    op.drop_table("gaps")
