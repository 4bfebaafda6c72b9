import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, func, select

from cloud.cli import cloud
from cloud.companies import service as companies
from cloud.errors import ConflictError
from cloud.workers import importing, service, sheets
from cloud.workers.importing import Fate
from cloud.workers.tables import badges, workers
from cloud.workers.vault import Vault

INSS = "85073003328"
OTHER_INSS = "17073003384"
HEADER = "number;given name;family name;inss;badge;active\n"
VAULT = Vault(bytes(32))


@pytest.fixture
def company(engine: Engine) -> int:
    with engine.begin() as conn:
        return companies.register(conn, "BE0403019261", "Solvay")


def plan(conn: Connection, company: int, *lines: str) -> list[importing.Planned]:
    content = HEADER + "\n".join(lines)
    return importing.plan(conn, company, sheets.rows(content.encode()), VAULT)


def fates(planned: list[importing.Planned]) -> list[tuple[str, str]]:
    return [(row.fate.value, row.detail) for row in planned]


def test_a_plan_changes_nothing_and_says_each_row_s_fate(engine: Engine, company: int) -> None:
    with engine.begin() as conn:
        planned = plan(conn, company, f"7;Ann;Maes;{INSS};123456;", "8;Bob;Thys;;;nee")
        assert fates(planned) == [("create", "worker 7 is new"), ("create", "worker 8 is new")]
        assert conn.execute(select(func.count()).select_from(workers)).scalar() == 0
        assert importing.apply(conn, company, planned)["create"] == 2
        rows = conn.execute(select(workers).order_by(workers.c.number)).all()
        assert [(row.number, row.given_name, row.active) for row in rows] == [
            ("7", "Ann", True),
            ("8", "Bob", False),
        ]
        assert VAULT.unseal(rows[0].inss_sealed) == INSS
        assert rows[1].inss_mark is None
        badge = conn.execute(select(badges)).one()
        assert (badge.profile, badge.number, badge.worker_id) == ("printed", "123456", rows[0].id)


def test_the_same_file_again_changes_nothing(engine: Engine, company: int) -> None:
    lines = (f"7;Ann;Maes;{INSS};123456;ja", "8;Bob;Thys;;;")
    with engine.begin() as conn:
        importing.apply(conn, company, plan(conn, company, *lines))
        again = plan(conn, company, *lines)
        assert {row.fate for row in again} == {Fate.SAME}
        assert importing.apply(conn, company, again)["same"] == 2


def test_what_changes_is_named_and_what_is_left_out_stays(engine: Engine, company: int) -> None:
    with engine.begin() as conn:
        importing.apply(conn, company, plan(conn, company, f"7;Ann;Maes;{INSS};;non"))
        planned = plan(conn, company, f"7;Anne;Maes;{OTHER_INSS};99;")
        assert fates(planned) == [("change", "changes: given name, INSS, badge")]
        importing.apply(conn, company, planned)
        importing.apply(conn, company, plan(conn, company, "7;Anne;Maes;;;"))
        row = conn.execute(select(workers)).one()
        assert (row.given_name, row.active) == ("Anne", False)
        assert VAULT.unseal(row.inss_sealed) == OTHER_INSS


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (";Ann;Maes;;;", "the number is empty"),
        ("9;;Maes;;;", "the given name is empty"),
        ("9;Ann;Maes;85073003329;;", "the INSS is not valid"),
        ("9;Ann;Maes;;;perhaps", "does not say whether the worker is active"),
        ("9;Ann;Maes;;***;", "is not a badge number"),
        ("7;Ann;Maes;;;", "the same number stands on line 2"),
        (f"9;Ann;Maes;{INSS};;", "the same INSS stands on line 2"),
        ("9;Ann;Maes;;123456;", "the same badge stands on line 2"),
        (f"9;Ann;Maes;{OTHER_INSS};;", "worker 5 has this INSS already"),
        ("9;Ann;Maes;;555;", "linked to somebody already"),
    ],
)
def test_one_wrong_row_and_nothing_is_entered(
    engine: Engine, company: int, line: str, reason: str
) -> None:
    with engine.begin() as conn:
        importing.apply(conn, company, plan(conn, company, f"5;Eve;Maes;{OTHER_INSS};555;"))
        planned = plan(conn, company, f"7;Ann;Maes;{INSS};123456;", line)
        assert planned[0].fate is Fate.CREATE
        assert planned[1].fate is Fate.REFUSE
        assert reason in planned[1].detail
        assert INSS not in planned[1].detail
    refusal = pytest.raises(ConflictError, match=r"line 3: .*nothing was entered")
    with refusal, engine.begin() as conn:
        importing.apply(conn, company, planned)
    with engine.begin() as conn:
        assert conn.execute(select(workers.c.number)).scalars().all() == ["5"]


def test_a_badge_of_another_company_s_worker_is_not_taken(engine: Engine, company: int) -> None:
    with engine.begin() as conn:
        other = companies.register(conn, "BE0999910543", "Elektro")
        theirs = service.put_worker(conn, other, "7", "Bob", "Thys")
        service.link_badge(conn, service.put_badge(conn, "printed", "777"), theirs)
        planned = plan(conn, company, "7;Ann;Maes;;777;")
        assert fates(planned) == [
            ("refuse", "this badge is linked to somebody already; unlink it there first")
        ]


def test_the_command_shows_first_and_enters_when_told(
    engine: Engine, company: int, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "keys").mkdir()
    config = tmp_path / "cloud.toml"
    config.write_text(f'[database]\nurl = "{database_url}"\n[platform]\ndirectory = "{tmp_path}"\n')
    file = tmp_path / "workers.csv"
    file.write_text(HEADER + f"7;Ann;Maes;{INSS};;\n")

    def run(*more: str) -> Result:
        words = ["worker", "import", str(file), "--company", "Solvay", "--config", str(config)]
        return CliRunner().invoke(cloud, [*words, *more])

    found = run("--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == [{"line": 2, "fate": "create", "detail": "worker 7 is new"}]
    assert "give --apply" in found.stderr
    assert run("--apply").exit_code == 0
    assert "is as it stands" in run().output
    file.write_text(HEADER + "8;;Maes;;;\n9;Bob;Thys;;;\n")
    refused = run("--apply")
    assert refused.exit_code == 1
    assert "the given name is empty" in refused.output
    file.write_text("")
    empty = run()
    assert (empty.exit_code, "the file is empty" in empty.output) == (2, True)
    with engine.begin() as conn:
        assert conn.execute(select(workers.c.number)).scalars().all() == ["7"]
        assert conn.execute(select(workers.c.company_id)).scalar() == company
