"""Registrations, how they changed, what people correct, and what asks to attribute them anew.

A registration has foreign keys where its values come from what people enter. It has none for its
epoch and terminal, which come from custody, nor for company and division, which its site implies:
PostgreSQL inserts 49,000 rows a second so, 27,000 with all eight.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)

from cloud.metadata import UNLESS_ERASING, Id, Millis, append_only, metadata, one_of

UNDATED = text("(latest_ms IS NULL OR tapped_ms > received_ms)")
"""Registrations that a clock which was not set, or was ahead, gave their time."""

registrations = Table(
    "registrations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("epoch_id", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("terminal_id", Id, nullable=False),
    Column("reader", Text),
    Column("badge_id", ForeignKey("badges.id"), nullable=False),
    Column("assurance", SmallInteger, nullable=False, comment="protocol.badges.Assurance"),
    Column("flags", Integer, nullable=False, server_default="0"),
    Column("worker_id", ForeignKey("workers.id")),
    Column("employer_id", ForeignKey("companies.id"), comment="whom the worker works for"),
    Column("company_id", Id, comment="whose site it is"),
    Column("division_id", Id),
    Column("site_id", ForeignKey("sites.id")),
    Column("direction", Text, nullable=False),
    Column("tapped_ms", Millis, nullable=False),
    Column("earliest_ms", Millis, comment="NULL: nobody can say"),
    Column("latest_ms", Millis, comment="NULL: nobody can say"),
    Column(
        "corrected", Boolean, nullable=False, server_default=false(), comment="by a clock record"
    ),
    Column("received_ms", Millis, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("reason", Text, comment="why it is not wholly attributed"),
    Column(
        "site_let_go",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="the company whose site it is shows it no more",
    ),
    Column(
        "employer_let_go",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="nor does the one that the worker works for",
    ),
    UniqueConstraint("epoch_id", "seq"),
    CheckConstraint("assurance BETWEEN 1 AND 4", name="assurance"),
    CheckConstraint(
        one_of("direction", "auto", "in", "out", "break-start", "break-end"), name="direction"
    ),
    # What somebody sees of the newest: one of these for each rule that may give it.
    Index("ix_registrations_company_id_id", "company_id", "id"),
    Index("ix_registrations_employer_id_id", "employer_id", "id"),
    Index("ix_registrations_division_id_id", "division_id", "id"),
    Index("ix_registrations_site_id_id", "site_id", "id"),
    Index("ix_registrations_tapped_ms", "tapped_ms"),
    Index("ix_registrations_terminal_id_tapped_ms", "terminal_id", "tapped_ms"),
    Index("ix_registrations_site_id_tapped_ms", "site_id", "tapped_ms"),
    Index(
        "ix_registrations_worker_id_tapped_ms",
        "worker_id",
        "tapped_ms",
        # All that `explain` asks of hundreds of them, which lie far apart in the table.
        postgresql_include=[
            *("company_id", "employer_id", "division_id", "site_id"),
            *("corrected", "reason", "site_let_go", "employer_let_go"),
        ],
    ),
    Index("ix_registrations_badge_id_tapped_ms", "badge_id", "tapped_ms"),
    # Those few of which the tap's own time says nothing: how old they are, their receipt does.
    Index(
        "ix_registrations_undated",
        "received_ms",
        sqlite_where=UNDATED,
        postgresql_where=UNDATED,
    ),
    # No id is ever given twice: snapshots, webhooks and programs remember up to which they know.
    sqlite_autoincrement=True,
)

registration_history = Table(
    "registration_history",
    metadata,
    Column("registration_id", ForeignKey("registrations.id"), nullable=False),
    Column("version", Integer, nullable=False, comment="the version these values had"),
    Column("worker_id", ForeignKey("workers.id")),
    Column("employer_id", ForeignKey("companies.id")),
    Column("company_id", ForeignKey("companies.id")),
    Column("division_id", ForeignKey("divisions.id")),
    Column("site_id", ForeignKey("sites.id")),
    Column("at_ms", Millis, nullable=False, comment="when they were replaced"),
    Column("why", Text, nullable=False),
    Column("id", Id, primary_key=True, comment="in the order of commits, as turns are"),
    UniqueConstraint("registration_id", "version"),
    Index("ix_registration_history_worker_id", "worker_id"),
    sqlite_autoincrement=True,
)

reattribution = Table(
    "reattribution",
    metadata,
    Column("id", Id, primary_key=True),
    Column("terminal_id", ForeignKey("terminals.id")),
    Column("badge_id", ForeignKey("badges.id")),
    Column("from_ms", Millis, comment="registrations tapped from then on; NULL: all"),
    Column("why", Text, nullable=False),
    Column("at_ms", Millis, nullable=False),
)

_SIGNER = "(account_id IS NULL) <> (token_id IS NULL)"

registration_corrections = Table(
    "registration_corrections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False, comment="whose view of it"),
    Column("kind", Text, nullable=False),
    Column("registration_id", ForeignKey("registrations.id"), comment="NULL: a tap is added"),
    Column("worker_id", ForeignKey("workers.id"), nullable=False),
    Column("division_id", Id),
    Column("site_id", ForeignKey("sites.id")),
    Column("tapped_ms", Millis, nullable=False, comment="of the registration, or the added tap"),
    Column("direction", Text, comment="of the added tap, or the right one; NULL: void"),
    Column("reason", Text, nullable=False, comment="in the words of who enters it"),
    Column("second", Boolean, nullable=False, comment="whether somebody else has to approve it"),
    Column("account_id", Id, comment="who enters it; NULL: a program"),
    Column("at_ms", Millis, nullable=False),
    Column("token_id", ForeignKey("api_tokens.id")),
    CheckConstraint(_SIGNER, name="signer"),
    CheckConstraint(one_of("kind", "add", "void", "direction"), name="kind"),
    CheckConstraint("(kind = 'add') = (registration_id IS NULL)", name="about"),
    CheckConstraint("(kind = 'void') = (direction IS NULL)", name="direction"),
    Index("ix_registration_corrections_company_id_tapped_ms", "company_id", "tapped_ms"),
    Index("ix_registration_corrections_worker_id_tapped_ms", "worker_id", "tapped_ms"),
    Index("ix_registration_corrections_registration_id", "registration_id"),
    sqlite_autoincrement=True,
)

correction_decisions = Table(
    "correction_decisions",
    metadata,
    Column("correction_id", ForeignKey("registration_corrections.id"), primary_key=True),
    Column("approved", Boolean, nullable=False, comment="or else refused"),
    Column("account_id", Id, comment="who decides; NULL: a program"),
    Column("at_ms", Millis, nullable=False),
    Column("token_id", ForeignKey("api_tokens.id")),
    CheckConstraint(_SIGNER, name="signer"),
)


@event.listens_for(registration_corrections, "after_create")
@event.listens_for(correction_decisions, "after_create")
def _refuse_changes(table: Table, conn: Connection, **_: Any) -> None:
    """Make the database refuse to change or delete a row, but for whoever erases."""
    if conn.dialect.name == "sqlite":
        for verb, unless in (("update", ""), ("delete", UNLESS_ERASING)):
            conn.exec_driver_sql(
                f"CREATE TRIGGER {table.name}_refuses_{verb} BEFORE {verb} ON {table.name}{unless}"
                " BEGIN SELECT RAISE(ABORT, 'corrections are append-only'); END"
            )
        return
    conn.exec_driver_sql(append_only("corrections_are_append_only", "corrections are append-only"))
    conn.exec_driver_sql(
        f"CREATE TRIGGER {table.name}_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name}"
        " FOR EACH STATEMENT EXECUTE FUNCTION corrections_are_append_only()"
    )
