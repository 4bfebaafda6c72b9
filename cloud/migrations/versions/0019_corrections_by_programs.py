"""Corrections that programs enter and decide: by a token, and by nobody's account."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Integer, Text

revision = "0019"
down_revision = "0016"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")
_TABLES = ("registration_corrections", "correction_decisions")
_SIGNER = "(account_id IS NULL) <> (token_id IS NULL)"
_COMMENTS = {
    "registration_corrections": "who enters it",
    "correction_decisions": "who decides",
}
_INDEXES = (["company_id", "tapped_ms"], ["worker_id", "tapped_ms"], ["registration_id"])


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _copy(programs=True)
        return
    for table in _TABLES:
        op.alter_column(
            table,
            "account_id",
            nullable=True,
            comment=f"{_COMMENTS[table]}; NULL: a program",
            existing_comment=_COMMENTS[table],
        )
        op.add_column(table, Column("token_id", Id, ForeignKey("api_tokens.id")))
        op.create_check_constraint("signer", table, _SIGNER)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _copy(programs=False)
        return
    for table in _TABLES:
        op.drop_constraint("signer", table, type_="check")
        op.drop_column(table, "token_id")
        # What a program entered stays, by nobody that is known; rows refuse to be updated.
        op.execute(
            f"ALTER TABLE {table} ALTER account_id TYPE bigint USING coalesce(account_id, 0)"
        )
        op.alter_column(
            table,
            "account_id",
            nullable=False,
            comment=_COMMENTS[table],
            existing_comment=f"{_COMMENTS[table]}; NULL: a program",
        )


def _copy(*, programs: bool) -> None:
    """SQLite changes no column: make both tables anew, with their guards."""
    for table in _TABLES:
        op.execute(
            f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}"  # noqa: S608 - ours
        )
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.create_table(
        "registration_corrections",
        Column("id", Id, primary_key=True),
        Column("company_id", Id, ForeignKey("companies.id"), nullable=False),
        Column("kind", Text, nullable=False),
        Column("registration_id", Id, ForeignKey("registrations.id")),
        Column("worker_id", Id, ForeignKey("workers.id"), nullable=False),
        Column("division_id", Id),
        Column("site_id", Id, ForeignKey("sites.id")),
        Column("tapped_ms", BigInteger, nullable=False),
        Column("direction", Text),
        Column("reason", Text, nullable=False),
        Column("second", Boolean, nullable=False),
        Column("account_id", Id, nullable=programs),
        Column("at_ms", BigInteger, nullable=False),
        *_program(programs),
        CheckConstraint("kind IN ('add', 'void', 'direction')", name="kind"),
        CheckConstraint("(kind = 'add') = (registration_id IS NULL)", name="about"),
        CheckConstraint("(kind = 'void') = (direction IS NULL)", name="direction"),
    )
    for columns in _INDEXES:
        name = f"ix_registration_corrections_{'_'.join(columns)}"
        op.create_index(name, "registration_corrections", columns)
    op.create_table(
        "correction_decisions",
        Column("correction_id", Id, ForeignKey("registration_corrections.id"), primary_key=True),
        Column("approved", Boolean, nullable=False),
        Column("account_id", Id, nullable=programs),
        Column("at_ms", BigInteger, nullable=False),
        *_program(programs),
    )
    told = {
        "registration_corrections": "id, company_id, kind, registration_id, worker_id, division_id,"
        " site_id, tapped_ms, direction, reason, second",
        "correction_decisions": "correction_id, approved",
    }
    account = "account_id" if programs else "coalesce(account_id, 0)"
    for table in _TABLES:
        op.execute(
            f"INSERT INTO {table} ({told[table]}, account_id, at_ms)"  # noqa: S608 - all ours
            f" SELECT {told[table]}, {account}, at_ms FROM kept_{table}"
        )
        op.execute(f"DROP TABLE kept_{table}")
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb} BEFORE {verb} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'corrections are append-only'); END"
            )


def _program(programs: bool) -> list[Column[int] | CheckConstraint]:
    if not programs:
        return []
    return [
        Column("token_id", Id, ForeignKey("api_tokens.id")),
        CheckConstraint(_SIGNER, name="signer"),
    ]
