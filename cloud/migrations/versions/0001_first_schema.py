"""The first schema."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "companies",
        Column("id", Id, primary_key=True),
        Column("vat", Text, nullable=False, unique=True, comment="with country: BE0403019261"),
        Column("name", Text, nullable=False),
        Column(
            "private",
            Boolean,
            nullable=False,
            server_default=false(),
            comment="met on a badge, registered by nobody",
        ),
        Column("created_ms", BigInteger, nullable=False),
    )
    op.create_table(
        "heads",
        Column("epoch_id", Id, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("head", LargeBinary, nullable=False, comment="COSE_Sign1"),
        PrimaryKeyConstraint("epoch_id", "seq"),
    )
    op.create_table(
        "platform",
        Column("key", Text, primary_key=True),
        Column("value", Text, nullable=False),
    )
    op.create_table(
        "records",
        Column("epoch_id", Id, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("blob", LargeBinary),
        Column("link", LargeBinary, nullable=False),
        Column("received_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("epoch_id", "seq"),
    )
    op.create_table(
        "rejected",
        Column("id", Id, primary_key=True),
        Column("digest", LargeBinary, nullable=False, unique=True, comment="H(topic, message)"),
        Column("device", Text, nullable=False, comment="as the topic names it"),
        Column("topic", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("message", LargeBinary, nullable=False, comment="its first 64 KiB"),
        Column("count", BigInteger, nullable=False, server_default="1"),
        Column("first_ms", BigInteger, nullable=False),
        Column("last_ms", BigInteger, nullable=False),
    )
    op.create_index("ix_rejected_device", "rejected", ["device"])
    op.create_table(
        "terminals",
        Column("id", Id, primary_key=True),
        Column("thumbprint", LargeBinary, nullable=False, unique=True),
        Column("device", Text, nullable=False, unique=True, comment="device number, compact"),
        Column("public_key", LargeBinary, nullable=False, comment="COSE_Key"),
        Column("name", Text),
        Column("status", Text, nullable=False, server_default="active"),
        Column("last_seen_ms", BigInteger),
        Column("last_status", Text, comment="JSON, as the terminal last published it"),
        Column("created_ms", BigInteger, nullable=False),
        CheckConstraint("length(thumbprint) = 32", name="thumbprint"),
        CheckConstraint("status IN ('active', 'inactive', 'revoked', 'banned')", name="status"),
    )
    op.create_table(
        "alarms",
        Column("id", Id, primary_key=True),
        Column("terminal_id", Id, ForeignKey("terminals.id")),
        Column("kind", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("cleared_ms", BigInteger),
    )
    op.create_index("ix_alarms_terminal_id", "alarms", ["terminal_id"])
    op.create_table(
        "divisions",
        Column("id", Id, primary_key=True),
        Column("company_id", Id, ForeignKey("companies.id"), nullable=False),
        Column("name", Text, nullable=False),
        UniqueConstraint("company_id", "name"),
    )
    op.create_table(
        "epochs",
        Column("id", Id, primary_key=True),
        Column("terminal_id", Id, ForeignKey("terminals.id"), nullable=False),
        Column("epoch", LargeBinary, nullable=False),
        Column(
            "branch", Integer, nullable=False, server_default="0", comment="0: the chain attributed"
        ),
        Column("ordinal", BigInteger, comment="for people"),
        Column(
            "first_seq", BigInteger, nullable=False, server_default="1", comment="oldest one held"
        ),
        Column("head_seq", BigInteger, nullable=False, server_default="0"),
        Column("head_link", LargeBinary, nullable=False),
        Column("interpreted_seq", BigInteger, nullable=False, server_default="0"),
        Column("created_ms", BigInteger, nullable=False),
        UniqueConstraint("terminal_id", "epoch", "branch"),
        CheckConstraint("length(epoch) = 16", name="epoch"),
        CheckConstraint("length(head_link) = 32", name="head_link"),
    )
    op.create_table(
        "workers",
        Column("id", Id, primary_key=True),
        Column("company_id", Id, ForeignKey("companies.id"), nullable=False),
        Column("number", Text, nullable=False),
        Column("given_name", Text, nullable=False),
        Column("family_name", Text, nullable=False),
        Column("active", Boolean, nullable=False, server_default=true()),
        UniqueConstraint("company_id", "number"),
    )
    op.create_table(
        "badges",
        Column("id", Id, primary_key=True),
        Column("profile", Text, nullable=False),
        Column(
            "number", Text, nullable=False, comment="normalised: UID in upper-case hex, or digits"
        ),
        Column("worker_id", Id, ForeignKey("workers.id")),
        Column("employer_vat", Text, comment="as read from the badge, with country"),
        Column("valid_from_ms", BigInteger),
        Column("valid_until_ms", BigInteger),
        Column("first_seen_ms", BigInteger),
        UniqueConstraint("profile", "number"),
    )
    op.create_index("ix_badges_worker_id", "badges", ["worker_id"])
    op.create_table(
        "sites",
        Column("id", Id, primary_key=True),
        Column("division_id", Id, ForeignKey("divisions.id"), nullable=False),
        Column("name", Text, nullable=False),
        Column("address", Text),
        Column("workplace_id", Text, comment="Checkinatwork's 13 characters"),
        UniqueConstraint("division_id", "name"),
    )
    op.create_table(
        "waiting",
        Column("epoch_id", Id, ForeignKey("epochs.id"), nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("reason", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("tried_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("epoch_id", "seq"),
    )
    op.create_table(
        "assignments",
        Column("id", Id, primary_key=True),
        Column("terminal_id", Id, ForeignKey("terminals.id"), nullable=False),
        Column("site_id", Id, ForeignKey("sites.id"), nullable=False),
        Column("from_ms", BigInteger, nullable=False),
        Column("to_ms", BigInteger, comment="the first moment it no longer holds"),
        UniqueConstraint("terminal_id", "from_ms"),
        CheckConstraint("to_ms > from_ms", name="period"),
    )
    op.create_index(
        "ix_assignments_open",
        "assignments",
        ["terminal_id"],
        unique=True,
        sqlite_where=text("to_ms IS NULL"),
        postgresql_where=text("to_ms IS NULL"),
    )
    op.create_table(
        "reattribution",
        Column("id", Id, primary_key=True),
        Column("terminal_id", Id, ForeignKey("terminals.id")),
        Column("badge_id", Id, ForeignKey("badges.id")),
        Column("from_ms", BigInteger, comment="registrations tapped from then on; NULL: all"),
        Column("why", Text, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
    )
    op.create_table(
        "registrations",
        Column("id", Id, primary_key=True),
        Column("epoch_id", Id, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("terminal_id", Id, nullable=False),
        Column("reader", Text),
        Column("badge_id", Id, ForeignKey("badges.id"), nullable=False),
        Column("assurance", SmallInteger, nullable=False, comment="protocol.badges.Assurance"),
        Column("flags", Integer, nullable=False, server_default="0"),
        Column("worker_id", Id, ForeignKey("workers.id")),
        Column("employer_id", Id, ForeignKey("companies.id"), comment="whom the worker works for"),
        Column("company_id", Id, comment="whose site it is"),
        Column("division_id", Id),
        Column("site_id", Id, ForeignKey("sites.id")),
        Column("direction", Text, nullable=False),
        Column("tapped_ms", BigInteger, nullable=False),
        Column("earliest_ms", BigInteger, comment="NULL: nobody can say"),
        Column("latest_ms", BigInteger, comment="NULL: nobody can say"),
        Column(
            "corrected",
            Boolean,
            nullable=False,
            server_default=false(),
            comment="by a clock record",
        ),
        Column("received_ms", BigInteger, nullable=False),
        Column("version", Integer, nullable=False, server_default="1"),
        Column("reason", Text, comment="why it is not wholly attributed"),
        UniqueConstraint("epoch_id", "seq"),
        CheckConstraint("assurance BETWEEN 1 AND 4", name="assurance"),
        CheckConstraint(
            "direction IN ('auto', 'in', 'out', 'break-start', 'break-end')", name="direction"
        ),
    )
    op.create_index(
        "ix_registrations_badge_id_tapped_ms", "registrations", ["badge_id", "tapped_ms"]
    )
    op.create_index("ix_registrations_site_id_tapped_ms", "registrations", ["site_id", "tapped_ms"])
    op.create_index("ix_registrations_tapped_ms", "registrations", ["tapped_ms"])
    op.create_index(
        "ix_registrations_terminal_id_tapped_ms", "registrations", ["terminal_id", "tapped_ms"]
    )
    op.create_index(
        "ix_registrations_worker_id_tapped_ms", "registrations", ["worker_id", "tapped_ms"]
    )
    op.create_table(
        "registration_history",
        Column("registration_id", Id, ForeignKey("registrations.id"), nullable=False),
        Column("version", Integer, nullable=False, comment="the version these values had"),
        Column("worker_id", Id, ForeignKey("workers.id")),
        Column("employer_id", Id, ForeignKey("companies.id")),
        Column("company_id", Id, ForeignKey("companies.id")),
        Column("division_id", Id, ForeignKey("divisions.id")),
        Column("site_id", Id, ForeignKey("sites.id")),
        Column("at_ms", BigInteger, nullable=False, comment="when they were replaced"),
        Column("why", Text, nullable=False),
        PrimaryKeyConstraint("registration_id", "version"),
    )


def downgrade() -> None:
    for table in (
        "registration_history",
        "registrations",
        "reattribution",
        "assignments",
        "waiting",
        "sites",
        "badges",
        "workers",
        "epochs",
        "divisions",
        "alarms",
        "terminals",
        "rejected",
        "records",
        "platform",
        "heads",
        "companies",
    ):
        op.drop_table(table)
