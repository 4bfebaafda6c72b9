import json
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select

from cloud.audit.tables import audit
from cloud.errors import RefusedError
from cloud.registrations.tables import reattribution
from cloud.schema import metadata
from cloud.terminals import queries as terminals
from cloud.times import parse
from cloud.world import loading
from protocol.identity import device_number
from protocol.keys import SigningKey
from protocol.settings import SettingsError

KEY = SigningKey.generate().public
DEVICE = device_number(KEY.thumbprint)
WORLD = f"""
[[companies]]
vat = "BE0403019261"
name = "Solvay"
[[companies]]
vat = "0999.910.543"
name = "Elektro"
[[divisions]]
company = "Solvay"
name = "Nord"
[[sites]]
company = "Solvay"
division = "Nord"
name = "Quai"
address = "Quai 1, 4000 Liège"
[[sites]]
company = "BE0403019261"
division = "Sud"
name = "Dampoort"
[[workers]]
company = "Elektro"
number = "1001"
given_name = "Ann"
family_name = "Maes"
[[badges]]
profile = "em4100"
number = "0A1B2C3D4E"
company = "Elektro"
worker = "1001"
[[badges]]
profile = "printed"
number = "123456789012"
employer = "0403019261"
[[terminals]]
public_key = "{KEY.to_cose().hex()}"
name = "gate"
[[assignments]]
terminal = "gate"
company = "Solvay"
division = "Nord"
site = "Quai"
from = 2026-01-01T00:00:00Z
[[assignments]]
terminal = "{DEVICE}"
company = "Solvay"
division = "Sud"
site = "Dampoort"
from = "2026-06-01T00:00:00+02:00"
to = 2026-07-01T00:00:00
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "world.toml"
    path.write_text(WORLD)
    return path


def rows(conn: Connection) -> dict[str, int]:
    return {
        table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
        if table.name != "audit"
    }


def test_everything_is_entered_and_again_is_harmless(engine: Engine, path: Path) -> None:
    with engine.begin() as conn:
        counts = loading.load(conn, path)
    assert counts == {
        "companies": 2,
        "divisions": 1,
        "sites": 2,
        "workers": 1,
        "badges": 2,
        "terminals": 1,
        "assignments": 2,
    }
    with engine.begin() as conn:
        before = rows(conn)
        assert before["divisions"] == 2
        loading.load(conn, path)
        assert rows(conn) == before


def test_each_company_s_trail_says_how_much_is_its_own(engine: Engine, path: Path) -> None:
    with engine.begin() as conn:
        loading.load(conn, path)
        lines = conn.execute(select(audit).order_by(audit.c.id)).all()
    assert {line.tag for line in lines} == {"command:world:load"}
    assert {line.company_id: json.loads(line.detail) for line in lines} == {
        1: {"companies": 1, "divisions": 1, "sites": 2, "assignments": 2},
        2: {"companies": 1, "workers": 1, "badges": 1},
        None: {"badges": 1, "terminals": 1},
    }


def test_a_terminal_stands_where_the_world_says(engine: Engine, path: Path) -> None:
    with engine.begin() as conn:
        loading.load(conn, path)
        terminal = terminals.terminal_id(conn, DEVICE)
        found = [
            terminals.site_at(conn, terminal, parse(moment))
            for moment in (
                "2025-12-31T23:59:59Z",
                "2026-01-01T00:00:00Z",
                "2026-05-31T23:59:59+02:00",
                "2026-06-01T00:00:00+02:00",
                "2026-06-30T23:59:59+02:00",
                "2026-07-01T00:00:00+02:00",
            )
        ]
    assert found == [None, 1, 1, 2, 2, None]


def test_a_key_may_be_in_a_file_beside_the_world(engine: Engine, path: Path) -> None:
    (path.parent / "gate.pub").write_bytes(KEY.public_pem())
    path.write_text('[[terminals]]\npublic_key = "gate.pub"\n')
    with engine.begin() as conn:
        loading.load(conn, path)
        assert terminals.terminal_id(conn, DEVICE)


def test_linking_later_asks_for_attribution_again(engine: Engine, path: Path) -> None:
    unlinked = WORLD.replace(
        'number = "0A1B2C3D4E"\ncompany = "Elektro"\nworker = "1001"\n', ('number = "0A1B2C3D4E"\n')
    )
    path.write_text(unlinked)
    with engine.begin() as conn:
        loading.load(conn, path)
        conn.execute(reattribution.delete())
        path.write_text(WORLD)
        loading.load(conn, path)
        assert conn.execute(select(reattribution.c.why)).scalars().all() == [
            "the badge was linked to a worker"
        ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('vat = "0999.910.543"', 'vat = "0999.910.544"', r"companies\[1\]: '0999.910.544' is not"),
        ('company = "BE0403019261"', 'company = "Umicore"', r"sites\[1\]: there is no company"),
        ('worker = "1001"', 'worker = "1002"', r"badges\[0\]: the company has no worker '1002'"),
        (
            'company = "Elektro"\nworker = "1001"',
            'company = "Elektro"',
            r"badges\[0\]: .*give both",
        ),
        pytest.param(
            KEY.to_cose().hex(),
            "gone.pub",
            r"terminals\[0\]: cannot read .*gone.pub: No such file",
            id="no-such-key-file",  # a name of its own: the key is another in each process
        ),
        (
            'terminal = "gate"',
            'terminal = "door"',
            r"assignments\[0\]: no terminal .* named 'door'",
        ),
        ('site = "Quai"', 'site = "Kaai"', r"assignments\[0\]: division 'Nord' has no site 'Kaai'"),
        ("to = 2026-07-01", "to = 2026-05-01", r"assignments\[1\]: .* before it begins"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_half_done(
    engine: Engine, path: Path, old: str, new: str, says: str
) -> None:
    assert old in WORLD
    path.write_text(WORLD.replace(old, new))
    with pytest.raises(RefusedError, match=says) as error, engine.begin() as conn:
        loading.load(conn, path)
    assert "\n" not in str(error.value)
    with engine.begin() as conn:
        assert set(rows(conn).values()) == {0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[companies]]\nname = 'x'", "missing required field `vat`"),
        ("[[company]]\nname = 'x'", "unknown field `company`"),
        ("[[companies]]\nvat = 5\nname = 'x'", r"companies\[0\].vat = 5: expected `str`"),
        (WORLD.replace("2026-01-01T00:00:00Z", "2026-01-01"), r"assignments\[0\].from"),
        ("[[", "is not TOML"),
    ],
)
def test_what_is_no_world(engine: Engine, path: Path, text: str, says: str) -> None:
    path.write_text(text)
    with engine.begin() as conn, pytest.raises(SettingsError, match=says):
        loading.load(conn, path)
