"""How long personal data is kept, who is restricted, and what an erasure leaves.

On PostgreSQL the policies of row-level security hide what a company let go of, and triggers that
refused every change let whoever erases delete.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNDATED = sa.text("(latest_ms IS NULL OR tapped_ms > received_ms)")
_IN_EXPORTS = sa.text("in_exports")
_COVERING = "ix_registrations_worker_id_tapped_ms"
_ASKED = ["company_id", "employer_id", "division_id", "site_id", "corrected", "reason"]
_APPEND_ONLY = {
    "audit": ("audit_is_append_only", "the audit trail is append-only"),
    "registration_corrections": ("corrections_are_append_only", "corrections are append-only"),
    "correction_decisions": ("corrections_are_append_only", "corrections are append-only"),
}
_HIDDEN = ("former_holders", "erased_records", "withdrawals", "retention_sweeps", "erasing")
"""What is read by the platform itself alone."""

_REGISTRATIONS_BEFORE = """
    CASE WHEN company_id = (SELECT pointeuse_company())
            AND (division_id = ANY ((SELECT pointeuse_divisions())::bigint[])
                OR site_id = ANY ((SELECT pointeuse_sites())::bigint[])) THEN true
        WHEN company_id = (SELECT pointeuse_company())
            OR employer_id = (SELECT pointeuse_company()) THEN (SELECT pointeuse_whole())
        ELSE false END
"""
_REGISTRATIONS = """
    CASE WHEN company_id = (SELECT pointeuse_company()) AND NOT site_let_go
            AND (division_id = ANY ((SELECT pointeuse_divisions())::bigint[])
                OR site_id = ANY ((SELECT pointeuse_sites())::bigint[])) THEN true
        WHEN (company_id = (SELECT pointeuse_company()) AND NOT site_let_go)
            OR (employer_id = (SELECT pointeuse_company()) AND NOT employer_let_go)
            THEN (SELECT pointeuse_whole())
        ELSE false END
"""
_SEEN = """(SELECT true FROM registrations WHERE registrations.worker_id = workers.id
            ORDER BY registrations.tapped_ms DESC LIMIT 1)"""
_OURS = "company_id = (SELECT pointeuse_company())"
_WORKERS_BEFORE = f"({_OURS} AND (SELECT pointeuse_inside())) OR {_SEEN}"
_WORKERS = f"({_OURS} AND restricted_ms IS NULL AND (SELECT pointeuse_inside())) OR {_SEEN}"
_CORRECTIONS_BEFORE = f"""
    {_OURS} AND ((SELECT pointeuse_whole())
        OR division_id = ANY ((SELECT pointeuse_divisions())::bigint[])
        OR site_id = ANY ((SELECT pointeuse_sites())::bigint[]))
"""
_CORRECTIONS = f"""
    {_CORRECTIONS_BEFORE} AND NOT EXISTS (SELECT FROM restrictions
        WHERE restrictions.company_id = registration_corrections.company_id
            AND restrictions.worker_id = registration_corrections.worker_id
            AND restrictions.until_ms >= registration_corrections.tapped_ms)
"""
_CHANGED = {
    "registrations": (_REGISTRATIONS_BEFORE, _REGISTRATIONS),
    "workers": (_WORKERS_BEFORE, _WORKERS),
    "registration_corrections": (_CORRECTIONS_BEFORE, _CORRECTIONS),
}
_NEW = {
    "restrictions": _OURS,
    "retention_policies": _OURS,
    "erasure_requests": f"{_OURS} AND (SELECT pointeuse_whole())",
}


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    _columns()
    _tables()
    op.create_index("ix_registration_history_worker_id", "registration_history", ["worker_id"])
    op.create_index(
        "ix_registrations_undated",
        "registrations",
        ["received_ms"],
        sqlite_where=_UNDATED,
        postgresql_where=_UNDATED,
    )
    _name("workers")
    _name("accounts")
    _guards(erasing=True)
    if not postgresql:
        return
    op.drop_index(_COVERING, "registrations")
    op.create_index(
        _COVERING,
        "registrations",
        ["worker_id", "tapped_ms"],
        postgresql_include=[*_ASKED, "site_let_go", "employer_let_go"],
    )
    for table, (_, condition) in _CHANGED.items():
        op.execute(f"ALTER POLICY {table}_seen ON {table} USING ({condition})")
    for table, condition in _NEW.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_seen ON {table} FOR SELECT TO {ROLE} USING ({condition})"
        )
    op.execute(f"REVOKE ALL ON {', '.join(_HIDDEN)} FROM {ROLE}")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, (condition, _) in _CHANGED.items():
            op.execute(f"ALTER POLICY {table}_seen ON {table} USING ({condition})")
        op.drop_index(_COVERING, "registrations")
        op.create_index(
            _COVERING, "registrations", ["worker_id", "tapped_ms"], postgresql_include=_ASKED
        )
    _guards(erasing=False)
    op.drop_index("ix_registrations_undated", "registrations")
    op.drop_index("ix_registration_history_worker_id", "registration_history")
    for table in (
        *("erasing", "erasure_requests", "retention_sweeps", "retention_policies"),
        *("withdrawals", "erased_records", "former_holders", "restrictions"),
    ):
        op.drop_table(table)
    for table, columns in (
        ("export_parts", ("corrections", "last_registration", "first_registration")),
        ("exports", ("erased_ms",)),
        ("registrations", ("employer_let_go", "site_let_go")),
        ("accounts", ("closed_ms", "handle")),
        ("workers", ("restricted_ms", "ended_ms", "handle")),
    ):
        for column in columns:
            op.drop_column(table, column)
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(
            "records",
            "blob",
            comment=None,
            existing_comment="empty: who tapped was erased",
        )


def _columns() -> None:
    for table in ("workers", "accounts"):
        what = "what the log of erasures calls " + ("them" if table == "workers" else "it")
        op.add_column(table, sa.Column("handle", sa.LargeBinary, comment=what))
    for column, what in (
        ("ended_ms", "since when inactive"),
        ("restricted_ms", "since when shown to nobody of the company"),
    ):
        op.add_column("workers", sa.Column(column, sa.BigInteger, comment=what))
    op.add_column(
        "accounts",
        sa.Column("closed_ms", sa.BigInteger, comment="its name and address are gone"),
    )
    for column, what in (
        ("site_let_go", "the company whose site it is shows it no more"),
        ("employer_let_go", "nor does the one that the worker works for"),
    ):
        op.add_column(
            "registrations",
            sa.Column(column, sa.Boolean, nullable=False, server_default=sa.false(), comment=what),
        )
    op.add_column(
        "exports",
        sa.Column("erased_ms", sa.BigInteger, comment="its time was over: its parts are gone"),
    )
    for column, kind, what in (
        ("first_registration", sa.BigInteger, "the least id in it; NULL: nobody noted"),
        ("last_registration", sa.BigInteger, "the greatest id in it"),
        ("corrections", sa.Boolean, "whether it has any; NULL: nobody noted"),
    ):
        op.add_column("export_parts", sa.Column(column, kind, comment=what))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("records", "blob", comment="empty: who tapped was erased")


def _tables() -> None:
    op.create_table(
        "restrictions",
        sa.Column("id", Id, primary_key=True),
        sa.Column(
            "company_id",
            Id,
            sa.ForeignKey("companies.id"),
            nullable=False,
            comment="which shows nothing",
        ),
        sa.Column(
            "worker_id",
            Id,
            sa.ForeignKey("workers.id"),
            nullable=False,
            comment="its own, or another's",
        ),
        sa.Column(
            "until_ms", sa.BigInteger, nullable=False, comment="of what was tapped up to then"
        ),
        sa.Column("number", sa.Text, comment="the worker's, in the company whose own it is"),
        sa.UniqueConstraint("company_id", "worker_id"),
        sa.Index("ix_restrictions_worker_id", "worker_id"),
    )
    op.create_table(
        "former_holders",
        sa.Column("badge_id", Id, sa.ForeignKey("badges.id"), nullable=False),
        sa.Column(
            "until_ms",
            sa.BigInteger,
            nullable=False,
            comment="what was tapped up to then is theirs",
        ),
        sa.Column("worker_id", Id, sa.ForeignKey("workers.id"), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger, comment="as it was for this holder"),
        sa.Column("valid_until_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("badge_id", "until_ms"),
        sa.Index("ix_former_holders_worker_id", "worker_id"),
    )
    op.create_table(
        "erased_records",
        sa.Column("terminal", sa.LargeBinary, nullable=False, comment="thumbprint"),
        sa.Column("epoch", sa.LargeBinary, nullable=False, comment="where the record stood first"),
        sa.Column("seq", sa.BigInteger, nullable=False, comment="where the record stood first"),
        sa.Column(
            "digest", sa.LargeBinary, nullable=False, comment="H(blob), as the body names it"
        ),
        sa.PrimaryKeyConstraint("terminal", "epoch", "seq", "digest"),
    )
    op.create_table(
        "withdrawals",
        sa.Column("company_id", Id, nullable=False, comment="which is not shown it any more"),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column(
            "number",
            sa.BigInteger,
            nullable=False,
            comment="of the registration, or the correction",
        ),
        sa.Column("division_id", Id),
        sa.Column("site_id", Id),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column(
            "erased", sa.Boolean, nullable=False, comment="or else it is kept, and restricted"
        ),
        sa.Column("in_exports", sa.Boolean, nullable=False, comment="may still stand in snapshots"),
        sa.PrimaryKeyConstraint("company_id", "what", "number"),
        sa.CheckConstraint(
            "what IN ('registration', 'correction', 'entered', 'approved')", name="what"
        ),
        sa.Index("ix_withdrawals_at_ms", "at_ms"),
        sa.Index(
            "ix_withdrawals_in_exports",
            "company_id",
            sqlite_where=_IN_EXPORTS,
            postgresql_where=_IN_EXPORTS,
        ),
    )
    op.create_table(
        "retention_policies",
        sa.Column("company_id", Id, sa.ForeignKey("companies.id"), primary_key=True),
        sa.Column("months", sa.Integer, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "retention_sweeps",
        sa.Column(
            "months", sa.Integer, primary_key=True, autoincrement=False, comment="kept for so long"
        ),
        sa.Column(
            "swept_ms",
            sa.BigInteger,
            nullable=False,
            comment="what was tapped before was looked at",
        ),
        sa.Column(
            "whole_ms",
            sa.BigInteger,
            nullable=False,
            comment="when it last began at the beginning",
        ),
    )
    op.create_table(
        "erasure_requests",
        sa.Column("id", Id, primary_key=True),
        sa.Column(
            "company_id",
            Id,
            sa.ForeignKey("companies.id"),
            nullable=False,
            comment="which was asked",
        ),
        sa.Column("worker_id", Id, comment="NULL: nothing is left"),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("account_id", Id, comment="who enters it; NULL: a program, or the operator"),
        sa.Column("token_id", Id),
        sa.Column("approved", sa.Boolean, comment="NULL: somebody else is to decide"),
        sa.Column("decided_by", Id, comment="account; NULL: who entered it was enough"),
        sa.Column("decided_ms", sa.BigInteger),
        sa.Column(
            "done_ms",
            sa.BigInteger,
            comment="all that could go went, the rest is restricted",
        ),
        sa.Column(
            "until_ms",
            sa.BigInteger,
            comment="until when something is kept; NULL: nothing is",
        ),
        sa.Column("over_ms", sa.BigInteger, comment="nothing is left"),
        sa.Column("counts", sa.Text, comment="JSON: what went, by kind"),
        sa.Index("ix_erasure_requests_company_id", "company_id"),
    )
    op.create_table(
        "erasing",
        sa.Column("id", Id, primary_key=True),
        comment="a row only within a transaction that erases: it opens what refuses to delete",
    )


def _name(table: str) -> None:
    """Give every row that is there the same handle in whatever backup it is restored from.

    Made of its id: a row of a backup from before is the same one when it is migrated again.
    """
    rows = sa.table(table, sa.column("id"), sa.column("handle"))
    conn = op.get_bind()
    for number in conn.execute(sa.select(rows.c.id)).scalars().all():
        made = hashlib.sha256(f"pointeuse {table} {number}".encode()).digest()[:16]
        conn.execute(sa.update(rows).where(rows.c.id == number).values(handle=made))


def _guards(*, erasing: bool) -> None:
    """Let what refuses every change be deleted from by whoever erases; or by nobody again."""
    if op.get_bind().dialect.name == "sqlite":
        unless = " WHEN NOT EXISTS (SELECT 1 FROM erasing)" if erasing else ""
        for table, (_, sentence) in _APPEND_ONLY.items():
            op.execute(f"DROP TRIGGER {table}_refuses_delete")
            op.execute(
                f"CREATE TRIGGER {table}_refuses_delete BEFORE delete ON {table}{unless}"
                f" BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
            )
        return
    opened = "IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM erasing) THEN RETURN NULL; END IF;"
    for name, sentence in dict(_APPEND_ONLY.values()).items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN {opened if erasing else ''} RAISE EXCEPTION '{sentence}'; END $$"
        )
