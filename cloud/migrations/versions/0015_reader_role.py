"""On PostgreSQL, the rules of visibility a second time: row-level security of a role that reads.

The rules are those of `cloud.visibility.rules`, for the tables that hold personal data; a test
compares the two. The others can be read, and nothing be written.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ROLE = "pointeuse_reader"

_ROLE = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        CREATE ROLE {ROLE} NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, '{ROLE}', 'MEMBER') THEN
        GRANT {ROLE} TO CURRENT_USER;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this server was migrated at the same moment
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'this user may make no roles: have who runs the server run'
            ' CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO %; and migrate again', current_user;
END $$
"""

_FUNCTIONS = {
    "pointeuse_company() RETURNS bigint": """
        SELECT nullif(current_setting('pointeuse.company', true), '')::bigint""",
    "pointeuse_membership() RETURNS bigint": """
        SELECT id FROM memberships
        WHERE account_id = nullif(current_setting('pointeuse.account', true), '')::bigint
            AND company_id = pointeuse_company()""",
    # Without an account it is a program with the company's token.
    "pointeuse_whole() RETURNS boolean": """
        SELECT CASE WHEN nullif(current_setting('pointeuse.account', true), '') IS NULL
            THEN pointeuse_company() IS NOT NULL
            ELSE EXISTS (SELECT FROM memberships WHERE id = pointeuse_membership()
                AND role IN ('administrator', 'auditor') AND NOT external) END""",
    # A program reads workers if its token's scope says so.
    "pointeuse_inside() RETURNS boolean": """
        SELECT nullif(current_setting('pointeuse.account', true), '') IS NULL
            OR EXISTS (SELECT FROM memberships
                WHERE id = pointeuse_membership() AND NOT external)""",
    "pointeuse_divisions() RETURNS bigint[]": """
        SELECT coalesce(array_agg(division_id), '{}') FROM grants
        WHERE membership_id = pointeuse_membership() AND division_id IS NOT NULL""",
    "pointeuse_sites() RETURNS bigint[]": """
        SELECT coalesce(array_agg(site_id), '{}') FROM grants
        WHERE membership_id = pointeuse_membership() AND site_id IS NOT NULL""",
}

# A function within its own SELECT is asked once a statement, not once a row. Within CASE it is no
# road to the rows: whoever asks brings one that is better, and the planner knows nothing of these.
_REGISTRATIONS = """
    CASE WHEN company_id = (SELECT pointeuse_company())
            AND (division_id = ANY ((SELECT pointeuse_divisions())::bigint[])
                OR site_id = ANY ((SELECT pointeuse_sites())::bigint[])) THEN true
        WHEN company_id = (SELECT pointeuse_company())
            OR employer_id = (SELECT pointeuse_company()) THEN (SELECT pointeuse_whole())
        ELSE false END
"""
_POLICIES = {
    "registrations": _REGISTRATIONS,
    "registration_history": """
        EXISTS (SELECT FROM registrations WHERE registrations.id = registration_id)""",
    # One's own, and whoever is named by a registration that is seen; the newest is asked first.
    "workers": """
        (company_id = (SELECT pointeuse_company()) AND (SELECT pointeuse_inside()))
        OR (SELECT true FROM registrations WHERE registrations.worker_id = workers.id
            ORDER BY registrations.tapped_ms DESC LIMIT 1)""",
    "registration_corrections": """
        company_id = (SELECT pointeuse_company()) AND ((SELECT pointeuse_whole())
            OR division_id = ANY ((SELECT pointeuse_divisions())::bigint[])
            OR site_id = ANY ((SELECT pointeuse_sites())::bigint[]))""",
    "exports": "company_id = (SELECT pointeuse_company())",
    "audit": """
        company_id = (SELECT pointeuse_company()) AND (SELECT pointeuse_whole())
        AND (SELECT pointeuse_membership()) IS NOT NULL""",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(_ROLE)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    op.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {ROLE}")
    for signature, body in _FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {signature} LANGUAGE sql STABLE AS $${body}$$")
    for table, condition in _POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_seen ON {table} FOR SELECT TO {ROLE} USING ({condition})"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _POLICIES:
        op.execute(f"DROP POLICY {table}_seen ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for signature in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature.split(' ')[0]}")
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM pointeuse_reader"
    )
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ROLE}")
    op.execute(f"REVOKE ALL ON SCHEMA public FROM {ROLE}")
