"""`pointeuse cloud webhook`."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import select, update

from cloud.audit.tables import audit
from cloud.cli import cloud
from cloud.webhooks.tables import webhooks
from tests.cloud.webhooks.conftest import Post
from tests.cloud.webhooks.receiver import Authority, Receiver


def run(*words: str) -> Result:
    return CliRunner().invoke(cloud, ["webhook", *words])


def listed(database_url: str, *words: str) -> list[dict[str, Any]]:
    result = run("list", "--json", "--db", database_url, *words)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_they_are_listed_with_what_is_wrong(post: Post, database_url: str) -> None:
    ours, _ = post.webhook()
    theirs, _ = post.webhook(company=post.company.theirs)
    post.test(ours)
    with post.engine.begin() as conn:
        conn.execute(update(webhooks).values(failing_since_ms=1, paused_until_ms=1))
    rows = listed(database_url)
    assert [(row["id"], row["owed"]) for row in rows] == [(ours, 1), (theirs, 0)]
    assert "It has taken nothing since 1 Jan 1970" in rows[0]["why"]
    assert post.url not in json.dumps(rows)
    assert [row["id"] for row in listed(database_url, "--company", "Solvay")] == [ours]


def test_what_is_due_is_delivered_once(
    post: Post, database_url: str, tmp_path: Path, authority: Authority, receiver: Receiver
) -> None:
    webhook, secret = post.webhook()
    post.test(webhook)
    config = tmp_path / "cloud.toml"
    config.write_text(
        f'[database]\nurl = "{database_url}"\n[platform]\ndirectory = "{tmp_path}"\n'
        '[api]\npublic_url = "https://pointeuse.example.be"\n[webhooks]\n'
        f'allow_networks = ["127.0.0.0/8", "::1/128"]\nca_file = "{authority.ca_file}"\n'
    )
    for taken in (1, 0):
        result = run("deliver", "--json", "--config", str(config))
        assert (result.exit_code, result.output) == (0, f'[{{"taken": {taken}}}]\n')
    assert len(receiver.got) == 1
    assert secret not in str(receiver.got)
    authority.ca_file.with_name("junk.pem").write_text("junk")
    text = config.read_text().replace("ca.pem", "junk.pem")
    config.write_text(text)
    result = run("deliver", "--config", str(config))
    assert result.exit_code == 2
    assert "webhooks.ca_file" in result.stderr
    assert result.stderr.count("\n") == 1


def test_one_is_stopped(post: Post, database_url: str) -> None:
    webhook, _ = post.webhook()
    for _ in range(2):
        assert run("deactivate", str(webhook), "--db", database_url).exit_code == 0
    assert post.row(webhook).ended == "by-hand"
    with post.engine.connect() as conn:
        noted = conn.execute(select(audit.c.tag, audit.c.company_id)).all()
    assert noted == [("command:webhook:deactivate", post.company.ours)]
    absent = run("deactivate", "99", "--db", database_url)
    assert (absent.exit_code, absent.stderr) == (2, "pointeuse: There is no such webhook.\n")
