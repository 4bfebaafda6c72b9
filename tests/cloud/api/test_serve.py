import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud.cli import cloud
from tests.support.ports import free_port


def serve(directory: Path, url: str, port: int) -> Result:
    path = directory / "cloud.toml"
    path.write_text(f'[database]\nurl = "{url}"\n[api]\nport = {port}\n')
    result = CliRunner().invoke(cloud, ["serve", "--config", str(path)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result


def test_a_port_that_is_taken(tmp_path: Path, database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = serve(tmp_path, database_url, port)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr


def test_a_database_without_schema(tmp_path: Path, empty_database_url: str) -> None:
    result = serve(tmp_path, empty_database_url, free_port())
    assert "pointeuse cloud migrate" in result.stderr


@pytest.mark.parametrize("url", ["sqlite:////nonexistent/x", "postgresql://x@127.0.0.1:1/x"])
def test_no_database(tmp_path: Path, url: str) -> None:
    assert "pointeuse cloud migrate" in serve(tmp_path, url, free_port()).stderr
