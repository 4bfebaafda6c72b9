"""Row-level security for decisions on corrections, for the parts of exports, and for their scope.

Decisions go with their correction, parts with their export. An export is shown to whoever reaches
the whole company, and else to those with the grants of whom it was made for. What was answered to
programs is read by nobody who only reads.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"

_SCOPE = """
    SELECT jsonb_build_object(
        'divisions', to_jsonb(ARRAY(SELECT unnest(pointeuse_divisions()) ORDER BY 1)),
        'sites', to_jsonb(ARRAY(SELECT unnest(pointeuse_sites()) ORDER BY 1)))
"""
_BEFORE = "company_id = (SELECT pointeuse_company())"
_EXPORTS = f"""
    {_BEFORE} AND ((SELECT pointeuse_whole()) OR scope::jsonb = (SELECT pointeuse_scope()))
"""
_POLICIES = {
    "correction_decisions": """
        EXISTS (SELECT FROM registration_corrections AS correction
            WHERE correction.id = correction_id)""",
    "export_parts": "EXISTS (SELECT FROM exports WHERE exports.id = export_id)",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        f"CREATE FUNCTION pointeuse_scope() RETURNS jsonb LANGUAGE sql STABLE AS $${_SCOPE}$$"
    )
    op.execute(f"ALTER POLICY exports_seen ON exports USING ({_EXPORTS})")
    for table, condition in _POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_seen ON {table} FOR SELECT TO {ROLE} USING ({condition})"
        )
    op.execute("REVOKE SELECT ON idempotency_keys FROM pointeuse_reader")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("GRANT SELECT ON idempotency_keys TO pointeuse_reader")
    for table in _POLICIES:
        op.execute(f"DROP POLICY {table}_seen ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER POLICY exports_seen ON exports USING ({_BEFORE})")
    op.execute("DROP FUNCTION pointeuse_scope()")
