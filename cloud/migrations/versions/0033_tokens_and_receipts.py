"""Tokens end at a moment, and with its token a webhook that a program made. Receipts are kept.

Which program made those that are there, the trail says.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BEFORE = "ended IN ('by-hand', 'failing', 'gone')"
_NOW = "ended IN ('by-hand', 'failing', 'gone', 'token')"
_TOKEN = {
    "sqlite": "json_extract(detail, '$.token')",
    "postgresql": "(detail::json ->> 'token')::bigint",
}


_COLUMN = "created_ms BIGINT NOT NULL, \n\t"
_KEY = "REFERENCES companies (id)"
_ADDED = {
    _COLUMN: f"{_COLUMN}token_id INTEGER, \n\t",
    _KEY: f"{_KEY}, \n\tCONSTRAINT fk_webhooks_token_id_api_tokens"
    " FOREIGN KEY(token_id) REFERENCES api_tokens (id)",
    _BEFORE: _NOW,
}


def upgrade() -> None:
    ends = "the first moment it is worth nothing; NULL: never"
    op.add_column("api_tokens", sa.Column("expires_ms", sa.BigInteger, comment=ends))
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(_ADDED)
    else:
        answers = "the program it answers to; NULL: administrators"
        key = sa.ForeignKey("api_tokens.id")
        op.add_column("webhooks", sa.Column("token_id", _ID, key, comment=answers))
        _allow(_NOW)
        op.execute(f"GRANT SELECT (token_id) ON webhooks TO {ROLE}")
    op.create_table(
        "receipts",
        sa.Column("epoch_id", _ID, sa.ForeignKey("epochs.id"), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False, comment="up to which it vouches"),
        sa.Column(
            "at_ms", sa.BigInteger, nullable=False, comment="when it was signed, by its own word"
        ),
        sa.Column(
            "since_ms", sa.BigInteger, nullable=False, comment="when the one kept before it was"
        ),
        sa.Column("message", sa.LargeBinary, nullable=False, comment="as the terminal was sent it"),
        sa.PrimaryKeyConstraint("epoch_id", "seq"),
    )
    token = _TOKEN[op.get_bind().dialect.name]
    op.execute(
        f"UPDATE webhooks SET token_id = (SELECT max({token}) FROM audit"  # noqa: S608 - ours
        " WHERE tag = 'api:webhook:create' AND target_id = webhooks.id)"
    )


def downgrade() -> None:
    op.drop_table("receipts")
    op.execute("UPDATE webhooks SET ended = 'by-hand' WHERE ended = 'token'")
    if op.get_bind().dialect.name == "sqlite":
        _make_anew({new: old for old, new in _ADDED.items()})
    else:
        op.drop_column("webhooks", "token_id")
        _allow(_BEFORE)
    op.drop_column("api_tokens", "expires_ms")


def _allow(ended: str) -> None:
    """Change what may be said of the end of a webhook."""
    op.drop_constraint("ck_webhooks_ended", "webhooks")
    op.create_check_constraint("ended", "webhooks", ended)


def _make_anew(changes: dict[str, str]) -> None:
    """SQLite changes no condition: write its table again with its definition changed."""
    conn = op.get_bind()
    query = sa.text(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'webhooks' AND sql IS NOT NULL"
        " ORDER BY type <> 'table'"
    )
    definition, *others = conn.execute(query).scalars().all()
    for old, new in changes.items():
        if old not in definition:
            raise RuntimeError(f"webhooks is not defined as expected: there is no {old.strip()!r}")
        definition = definition.replace(old, new, 1)
    op.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM webhooks ORDER BY id")
    op.execute("DROP TABLE webhooks")
    conn.exec_driver_sql(definition)
    columns = [row[1] for row in conn.exec_driver_sql("PRAGMA table_info(webhooks)")]
    kept = ", ".join(name for name in columns if name != "token_id")
    op.execute(f"INSERT INTO webhooks ({kept}) SELECT {kept} FROM kept ORDER BY id")  # noqa: S608 - ours
    for other in others:
        conn.exec_driver_sql(other)
    op.execute("DROP TABLE kept")
