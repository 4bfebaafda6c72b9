"""A platform with millions of registrations, made inside PostgreSQL: nothing is sent to it.

Companies, sites and workers are of very different sizes, as they are in life: the first few have
most of the registrations, and many have a handful, long ago. The same rows come of the same seed.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

COMPANIES = 500
SITES = 3000
WORKERS = 20_000
SEED = 0.2026
START_MS = 1_735_689_600_000
"""2025-01-01."""
STEP_MS = 3_000
"""Between two registrations: ten million of them take a year."""

_PEOPLE = """
INSERT INTO companies (vat, name, private, created_ms)
    SELECT 'BE' || lpad(n::text, 10, '0'), 'Company ' || n, false, 0
    FROM generate_series(1, :companies) AS n;
INSERT INTO divisions (company_id, name)
    SELECT 1 + (n - 1) % :companies, 'Division ' || (1 + (n - 1) / :companies)
    FROM generate_series(1, :companies * 2) AS n;
INSERT INTO sites (division_id, name)
    SELECT 1 + (n - 1) % (:companies * 2), 'Site ' || n FROM generate_series(1, :sites) AS n;
INSERT INTO terminals (thumbprint, device, public_key, status, created_ms)
    SELECT sha256(n::text::bytea), upper(lpad(to_hex(n), 11, '0')), ''::bytea, 'active', 0
    FROM generate_series(1, :sites) AS n;
INSERT INTO assignments (terminal_id, site_id, from_ms) SELECT id, id, 0 FROM sites;
INSERT INTO epochs (terminal_id, epoch, head_link, created_ms)
    SELECT id, substring(thumbprint FROM 1 FOR 16), thumbprint, 0 FROM terminals;
INSERT INTO workers (company_id, number, given_name, family_name)
    SELECT 1 + floor(:companies * power(random(), 3)), n::text,
        (ARRAY['Ann','Bob','Chloé','Dirk','Eva','Faiz','Greet','Hassan'])[1 + n % 8],
        (ARRAY['Maes','Peeters','Janssens','Dubois','Lambert','Nowak','Silva'])[1 + n % 7]
            || ' ' || chr(65 + n % 26)
    FROM generate_series(1, :workers) AS n;
INSERT INTO badges (profile, number, worker_id)
    SELECT 'em4100', upper(lpad(to_hex(id), 10, '0')), id FROM workers;
"""
_TAPS = """
INSERT INTO registrations (epoch_id, seq, terminal_id, badge_id, assurance, direction, tapped_ms,
        received_ms, worker_id, employer_id, site_id, division_id, company_id)
    SELECT sites.id, n, sites.id, workers.id, 2, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END,
        :start_ms + n * :step_ms, :start_ms + n * :step_ms + 300,
        workers.id, workers.company_id, sites.id, divisions.id, divisions.company_id
    FROM (
        SELECT n, 1 + floor(:sites * power(random(), 2))::bigint AS site,
            1 + floor(:workers * power(random(), 1.2))::bigint AS worker
        FROM generate_series(cast(:first AS bigint), :last) AS n OFFSET 0
    ) AS drawn
    JOIN sites ON sites.id = drawn.site
    JOIN divisions ON divisions.id = sites.division_id
    JOIN workers ON workers.id = drawn.worker
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'registrations' AND indexname LIKE 'ix_%'
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of each there are."""

    companies: int = COMPANIES
    sites: int = SITES
    workers: int = WORKERS


def people(engine: Engine, sizes: Sizes) -> None:
    """Enter everything but registrations."""
    with engine.begin() as conn:
        conn.execute(text("SELECT setseed(:seed)"), {"seed": SEED})
        values = {"companies": sizes.companies, "sites": sizes.sites, "workers": sizes.workers}
        for statement in _PEOPLE.split(";\n"):
            if statement.strip():
                names = {name: value for name, value in values.items() if f":{name}" in statement}
                conn.execute(text(statement), names)


def taps(engine: Engine, sizes: Sizes, first: int, last: int) -> None:
    """Registrations `first` to `last`, with the indexes made anew after them."""
    with engine.begin() as conn:
        # What is generated is right; to ask so for each row would take longer than to write it.
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        conn.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        conn.execute(text("SELECT setseed(:seed)"), {"seed": SEED})
        indexes = conn.execute(text(_INDEXES)).all()
        for name, _ in indexes:
            conn.execute(text(f'DROP INDEX "{name}"'))
        conn.execute(text(_TAPS), _drawn(sizes, first, last))
        for _, definition in indexes:
            conn.execute(text(definition))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))


def more(conn: Connection, sizes: Sizes, first: int, last: int) -> None:
    """A few registrations as they come in, while others read."""
    conn.execute(text(_TAPS), _drawn(sizes, first, last))


def _drawn(sizes: Sizes, first: int, last: int) -> dict[str, int]:
    return {
        "sites": sizes.sites,
        "workers": sizes.workers,
        "first": first,
        "last": last,
        "start_ms": START_MS,
        "step_ms": STEP_MS,
    }
