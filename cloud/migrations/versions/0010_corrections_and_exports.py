"""Corrections and exports."""

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
    Text,
    UniqueConstraint,
)

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")
_APPEND_ONLY = ("registration_corrections", "correction_decisions")
_FUNCTION = (
    "CREATE FUNCTION corrections_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN RAISE EXCEPTION 'corrections are append-only'; END $$"
)


def upgrade() -> None:
    for table in ("divisions", "sites"):
        op.add_column(table, Column("closed_ms", BigInteger, comment="NULL: open"))
    _corrections()
    _exports()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
    for table in _APPEND_ONLY:
        _refuse_changes(table)


def downgrade() -> None:
    for table in ("export_parts", "exports", *reversed(_APPEND_ONLY)):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION corrections_are_append_only()")
    for table in ("sites", "divisions"):
        op.drop_column(table, "closed_ms")


def _corrections() -> None:
    op.create_table(
        "registration_corrections",
        Column("id", Id, primary_key=True),
        Column(
            "company_id", Id, ForeignKey("companies.id"), nullable=False, comment="whose view of it"
        ),
        Column("kind", Text, nullable=False),
        Column(
            "registration_id", Id, ForeignKey("registrations.id"), comment="NULL: a tap is added"
        ),
        Column("worker_id", Id, ForeignKey("workers.id"), nullable=False),
        Column("division_id", Id),
        Column("site_id", Id, ForeignKey("sites.id")),
        Column(
            "tapped_ms", BigInteger, nullable=False, comment="of the registration, or the added tap"
        ),
        Column("direction", Text, comment="of the added tap, or the right one; NULL: void"),
        Column("reason", Text, nullable=False, comment="in the words of who enters it"),
        Column(
            "second", Boolean, nullable=False, comment="whether somebody else has to approve it"
        ),
        Column("account_id", Id, nullable=False, comment="who enters it"),
        Column("at_ms", BigInteger, nullable=False),
        CheckConstraint("kind IN ('add', 'void', 'direction')", name="kind"),
        CheckConstraint("(kind = 'add') = (registration_id IS NULL)", name="about"),
        CheckConstraint("(kind = 'void') = (direction IS NULL)", name="direction"),
    )
    for columns in (["company_id", "tapped_ms"], ["worker_id", "tapped_ms"], ["registration_id"]):
        name = f"ix_registration_corrections_{'_'.join(columns)}"
        op.create_index(name, "registration_corrections", columns)
    op.create_table(
        "correction_decisions",
        Column("correction_id", Id, ForeignKey("registration_corrections.id"), primary_key=True),
        Column("approved", Boolean, nullable=False, comment="or else refused"),
        Column("account_id", Id, nullable=False, comment="who decides"),
        Column("at_ms", BigInteger, nullable=False),
    )


def _exports() -> None:
    op.create_table(
        "exports",
        Column("id", Id, primary_key=True),
        Column("company_id", Id, ForeignKey("companies.id"), nullable=False),
        Column("number", Integer, nullable=False),
        Column(
            "scope", Text, nullable=False, comment="JSON: what of the company it was made to see"
        ),
        Column("since_number", Integer, comment="the snapshot it goes on from; NULL: it is whole"),
        Column("last_registration", BigInteger, nullable=False, comment="the greatest id in it"),
        Column("last_correction", BigInteger, nullable=False),
        Column("last_decision_ms", BigInteger, nullable=False),
        Column(
            "until_ms", BigInteger, nullable=False, comment="the full hour that it was asked at"
        ),
        Column("incomplete", Text, nullable=False, comment="JSON: terminals that may hold more"),
        Column("rows", BigInteger, nullable=False, server_default="0"),
        Column("account_id", Id, comment="NULL: the operator, at the machine itself"),
        Column("at_ms", BigInteger, nullable=False),
        Column("finished_ms", BigInteger, comment="NULL: it is being made, or was cut short"),
        UniqueConstraint("company_id", "number"),
    )
    op.create_table(
        "export_parts",
        Column("export_id", Id, ForeignKey("exports.id"), nullable=False),
        Column("part", Integer, nullable=False),
        Column("content", LargeBinary, nullable=False, comment="JSON, a row a line, by zlib"),
        PrimaryKeyConstraint("export_id", "part"),
    )


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb} BEFORE {verb} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'corrections are append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION corrections_are_append_only()"
    )
