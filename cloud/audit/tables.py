"""The audit trail. The database itself refuses to change a row of it.

Nor does it let one be deleted, but for `cloud.retention.guard`, which says so first.
"""

from typing import Any

from sqlalchemy import Column, Connection, Index, Table, Text, event

from cloud.metadata import UNLESS_ERASING, Id, Millis, append_only, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at_ms", Millis, nullable=False),
    Column("tag", Text, nullable=False, comment="source:subject:action, as console:worker:create"),
    # No foreign keys: the trail outlives what it speaks of.
    Column("account_id", Id, comment="NULL: the operator, at the machine itself"),
    Column("company_id", Id, comment="whose administrators and auditors may read it"),
    Column("target_id", Id, comment="id of the subject"),
    Column("detail", Text, nullable=False, comment="JSON; personal data masked"),
    Column("address", Text, comment="where the request came from"),
    Index("ix_audit_company_id_id", "company_id", "id"),
)


@event.listens_for(audit, "after_create")
def _refuse_changes(_table: Table, conn: Connection, **_: Any) -> None:
    """Make the database refuse to change or delete a line, but for whoever erases old ones."""
    if conn.dialect.name == "sqlite":
        for verb, unless in (("update", ""), ("delete", UNLESS_ERASING)):
            conn.exec_driver_sql(
                f"CREATE TRIGGER audit_refuses_{verb} BEFORE {verb} ON audit{unless}"
                " BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )
        return
    conn.exec_driver_sql(append_only("audit_is_append_only", "the audit trail is append-only"))
    conn.exec_driver_sql(
        "CREATE TRIGGER audit_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )
