"""Webhooks: their outbox, an order of the changes of registrations, and whom to tell of trouble."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN, _OVER = sa.text("over_ms IS NULL"), sa.text("over_ms IS NOT NULL")
_MISSED = sa.text("over_ms IS NOT NULL AND outcome <> 'taken'")
_STANDS = sa.text("closed_ms IS NULL")
_KINDS = (
    "'terminal-silent', 'certificate-ageing', 'queue-growing', 'gap', 'fork', 'invitation',"
    " 'private-company'"
)
_MORE_KINDS = f"{_KINDS}, 'webhook-ended', 'webhook-missed'"
_SHOWN = (
    "id, company_id, name, url, scopes, before_until_ms, active, ended, ended_ms,"
    " seen_registration, seen_change, failures, failing_since_ms, paused_until_ms, taken_ms,"
    " outcome, status, created_ms"
)
_DELIVERED = (
    "id, webhook_id, message, event, subject_id, at_ms, due_ms, tries, first_ms, tried_ms,"
    " outcome, status, answer, over_ms"
)
# A program reads webhooks if its token's scope says so; of people, administrators do.
_ADMINISTERS = """
    SELECT CASE WHEN nullif(current_setting('pointeuse.account', true), '') IS NULL
        THEN pointeuse_company() IS NOT NULL
        ELSE EXISTS (SELECT FROM memberships WHERE id = pointeuse_membership()
            AND role = 'administrator' AND NOT external) END
"""
_POLICIES = {
    "webhooks": """
        company_id = (SELECT pointeuse_company()) AND (SELECT pointeuse_administers())""",
    "webhook_events": "EXISTS (SELECT FROM webhooks WHERE webhooks.id = webhook_id)",
    "webhook_deliveries": "EXISTS (SELECT FROM webhooks WHERE webhooks.id = webhook_id)",
}


def upgrade() -> None:
    _order_changes()
    _tell_companies(kinds=_MORE_KINDS, companies=True)
    _make_webhooks()
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE FUNCTION pointeuse_administers() RETURNS boolean LANGUAGE sql STABLE"
        f" AS $${_ADMINISTERS}$$"
    )
    for table, condition in _POLICIES.items():
        op.execute(f"REVOKE ALL ON {table} FROM {ROLE}")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_seen ON {table} FOR SELECT TO {ROLE} USING ({condition})"
        )
    # Neither the secrets nor what was sent is read by whoever only reads.
    op.execute(f"GRANT SELECT ({_SHOWN}) ON webhooks TO {ROLE}")
    op.execute(f"GRANT SELECT ON webhook_events TO {ROLE}")
    op.execute(f"GRANT SELECT ({_DELIVERED}) ON webhook_deliveries TO {ROLE}")


def downgrade() -> None:
    for table in ("webhook_deliveries", "webhook_events", "webhooks"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION pointeuse_administers()")
    op.execute("DELETE FROM notification_mails WHERE notification_id IN (SELECT id FROM"
               " notifications WHERE kind LIKE 'webhook-%')")  # fmt: skip
    op.execute("DELETE FROM notification_reads WHERE notification_id IN (SELECT id FROM"
               " notifications WHERE kind LIKE 'webhook-%')")  # fmt: skip
    op.execute("DELETE FROM notifications WHERE kind LIKE 'webhook-%'")
    op.execute("DELETE FROM notification_choices WHERE kind LIKE 'webhook-%'")
    _tell_companies(kinds=_KINDS, companies=False)
    _order_changes_no_more()


def _make_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("company_id", _ID, sa.ForeignKey("companies.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False, comment="which fields it is shown"),
        sa.Column("sealed", sa.LargeBinary, nullable=False, comment="its key, sealed by the vault"),
        sa.Column("sealed_before", sa.LargeBinary, comment="the key before, which signs as well"),
        sa.Column("before_until_ms", sa.BigInteger, comment="until then"),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("ended", sa.Text, comment="why it is not active"),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("seen_registration", _ID, nullable=False, comment="told up to this registration"),
        sa.Column(
            "seen_change", _ID, nullable=False, comment="and up to this line of their history"
        ),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0", comment="in a row"),
        sa.Column("failing_since_ms", sa.BigInteger, comment="NULL: it took what was sent last"),
        sa.Column("paused_until_ms", sa.BigInteger, comment="tried again then"),
        sa.Column("taken_ms", sa.BigInteger, comment="when it last took something"),
        sa.Column("outcome", sa.Text, comment="of the last try"),
        sa.Column("status", sa.Integer, comment="of HTTP, likewise"),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.CheckConstraint("ended IN ('by-hand', 'failing', 'gone')", name="ended"),
        sa.CheckConstraint("active = (ended IS NULL)", name="active"),
    )
    op.create_index("ix_webhooks_company_id", "webhooks", ["company_id"])
    op.create_table(
        "webhook_events",
        sa.Column("webhook_id", _ID, sa.ForeignKey("webhooks.id"), nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", "event"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("webhook_id", _ID, sa.ForeignKey("webhooks.id"), nullable=False),
        sa.Column("message", sa.Text, nullable=False, unique=True, comment="the same at every try"),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("subject_id", _ID, comment="id of the thing; NULL: a test"),
        sa.Column("at_ms", sa.BigInteger, nullable=False, comment="when it happened"),
        sa.Column("due_ms", sa.BigInteger, nullable=False, comment="tried then, or again then"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("first_ms", sa.BigInteger, comment="of the first try"),
        sa.Column("tried_ms", sa.BigInteger, comment="of the last one that ended"),
        sa.Column("body", sa.Text, comment="JSON as it was sent first; NULL: not yet"),
        sa.Column("outcome", sa.Text, comment="of the last try"),
        sa.Column("status", sa.Integer, comment="of HTTP, likewise"),
        sa.Column("answer", sa.Text, comment="the beginning of what was answered"),
        sa.Column("over_ms", sa.BigInteger, comment="taken, or given up; NULL: it is still owed"),
    )
    table = "webhook_deliveries"
    op.create_index(
        f"ix_{table}_open", table, ["webhook_id", "due_ms"],
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
    op.create_index(
        f"ix_{table}_missed", table, ["webhook_id"],
        sqlite_where=_MISSED, postgresql_where=_MISSED,
    )  # fmt: skip
    op.create_index(
        f"ix_{table}_over_ms", table, ["over_ms"], sqlite_where=_OVER, postgresql_where=_OVER
    )
    op.create_index(f"ix_{table}_webhook_id_id", table, ["webhook_id", "id"])
    op.create_index(f"ix_{table}_subject_id", table, ["subject_id"])


# -- the order of changes --------------------------------------------------------------------------

_HISTORY = (
    "registration_id, version, worker_id, employer_id, company_id, division_id, site_id, at_ms, why"
)


def _order_changes() -> None:
    table = "registration_history"
    if op.get_bind().dialect.name == "sqlite":
        _copy_history(
            sa.Column("id", _ID, primary_key=True),
            sa.UniqueConstraint("registration_id", "version"),
            sqlite_autoincrement=True,
        )
        return
    op.drop_constraint(f"pk_{table}", table)
    op.execute(f"ALTER TABLE {table} ADD COLUMN id bigserial")
    op.execute(f"COMMENT ON COLUMN {table}.id IS 'in the order of commits, as turns are'")
    op.create_primary_key(f"pk_{table}", table, ["id"])
    op.create_unique_constraint(
        f"uq_{table}_registration_id_version", table, ["registration_id", "version"]
    )


def _order_changes_no_more() -> None:
    table = "registration_history"
    if op.get_bind().dialect.name == "sqlite":
        _copy_history(sa.PrimaryKeyConstraint("registration_id", "version"))
        return
    op.drop_constraint(f"uq_{table}_registration_id_version", table)
    op.drop_constraint(f"pk_{table}", table)
    op.drop_column(table, "id")
    op.create_primary_key(f"pk_{table}", table, ["registration_id", "version"])


def _copy_history(*more: sa.Column[int] | sa.Constraint, **options: bool) -> None:
    """SQLite changes no key: make the table anew, its lines in the order in which they came."""
    with _kept("registration_history"):
        op.drop_table("registration_history")
        op.create_table(
            "registration_history",
            sa.Column("registration_id", _ID, sa.ForeignKey("registrations.id"), nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("worker_id", _ID, sa.ForeignKey("workers.id")),
            sa.Column("employer_id", _ID, sa.ForeignKey("companies.id")),
            sa.Column("company_id", _ID, sa.ForeignKey("companies.id")),
            sa.Column("division_id", _ID, sa.ForeignKey("divisions.id")),
            sa.Column("site_id", _ID, sa.ForeignKey("sites.id")),
            sa.Column("at_ms", sa.BigInteger, nullable=False),
            sa.Column("why", sa.Text, nullable=False),
            *more,
            **options,
        )
        op.create_index("ix_registration_history_worker_id", "registration_history", ["worker_id"])
        _put_back("registration_history", _HISTORY)


# -- whom a notification is for --------------------------------------------------------------------

_TOLD = "id, kind, episode, terminal_id, site_id, account_id, detail, at_ms, closed_ms"


def _tell_companies(*, kinds: str, companies: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _copy_notifications(kinds, companies=companies)
        return
    op.drop_constraint("ck_notifications_kind", "notifications")
    if companies:
        op.add_column(
            "notifications",
            sa.Column(
                "company_id", _ID, sa.ForeignKey("companies.id"),
                comment="its administrators are told",
            ),
        )  # fmt: skip
    else:
        op.drop_column("notifications", "company_id")
    op.create_check_constraint("kind", "notifications", f"kind IN ({kinds})")


def _copy_notifications(kinds: str, *, companies: bool) -> None:
    """SQLite changes no condition: make the table anew, and those that refer to it."""
    hanging = {
        "notification_reads": "account_id, notification_id, read_ms",
        "notification_mails": "notification_id, account_id, due_ms, tries, sent_ms",
    }
    with _kept("notifications", *hanging):
        for table in (*hanging, "notifications"):
            op.drop_table(table)
        op.create_table(
            "notifications",
            sa.Column("id", _ID, primary_key=True),
            sa.Column("kind", sa.Text, nullable=False),
            sa.Column("episode", sa.Text, nullable=False),
            sa.Column("terminal_id", _ID, sa.ForeignKey("terminals.id")),
            sa.Column("site_id", _ID, sa.ForeignKey("sites.id")),
            sa.Column("account_id", _ID, sa.ForeignKey("accounts.id")),
            sa.Column("detail", sa.Text, nullable=False),
            sa.Column("at_ms", sa.BigInteger, nullable=False),
            sa.Column("closed_ms", sa.BigInteger),
            *([sa.Column("company_id", _ID, sa.ForeignKey("companies.id"))] if companies else []),
            sa.CheckConstraint(f"kind IN ({kinds})", name="kind"),
        )
        op.create_index(
            "ix_notifications_standing", "notifications", ["kind", "episode"], unique=True,
            sqlite_where=_STANDS,
        )  # fmt: skip
        op.create_index("ix_notifications_at_ms", "notifications", ["at_ms"])
        op.create_table(
            "notification_reads",
            sa.Column("account_id", _ID, sa.ForeignKey("accounts.id"), nullable=False),
            sa.Column("notification_id", _ID, sa.ForeignKey("notifications.id"), nullable=False),
            sa.Column("read_ms", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("account_id", "notification_id"),
        )
        op.create_table(
            "notification_mails",
            sa.Column("notification_id", _ID, sa.ForeignKey("notifications.id"), nullable=False),
            sa.Column("account_id", _ID, sa.ForeignKey("accounts.id"), nullable=False),
            sa.Column("due_ms", sa.BigInteger, nullable=False),
            sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
            sa.Column("sent_ms", sa.BigInteger),
            sa.PrimaryKeyConstraint("notification_id", "account_id"),
        )
        _put_back("notifications", _TOLD)
        for table, columns in hanging.items():
            _put_back(table, columns)


@contextmanager
def _kept(*tables: str) -> Iterator[None]:
    """Rows set aside, while their tables are made anew."""
    for table in tables:
        op.execute(
            f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table} ORDER BY rowid"  # noqa: S608 - ours
        )
    yield
    for table in tables:
        op.execute(f"DROP TABLE kept_{table}")


def _put_back(table: str, columns: str) -> None:
    op.execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_{table} ORDER BY rowid"  # noqa: S608 - all ours
    )
