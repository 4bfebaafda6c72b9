"""A PostgreSQL of the tests' own: a cluster in a temporary directory, on a free loopback port.

Its super-user has a password made up at each start; nobody else on the machine gets in. fsync is
off, since no test pulls the plug of a PostgreSQL; `synchronous_commit` is on, as the platform asks.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.ports import free_port
from tests.support.waiting import wait_for

_USER = "postgres"


class Cluster:
    """A running PostgreSQL; `database` makes databases in it, `stop` ends and removes it."""

    def __init__(self) -> None:
        self._password = secrets.token_hex(16)
        self._port = free_port()
        self._made = 0
        # Not under pytest's own directory: that is closed to the user the server runs as.
        self._directory = Path(tempfile.mkdtemp(prefix="pointeuse-postgresql-"))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def url(self, database: str) -> str:
        """What the platform is given to reach a database."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def database(self, template: str = "template1") -> str:
        """Make a database, a copy of `template`; its name."""
        self._made += 1
        name = f"test_{self._made}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def stop(self) -> None:
        """End the server at once and remove its directory."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self) -> None:
        data, log = self._directory / "data", self._directory / "log"
        password = self._directory / "password"
        password.write_text(self._password)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_USER)
            for path in (self._directory, password):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [
                *_as_its_user(), _program("initdb"), "--pgdata", data, "--username", _USER,
                "--pwfile", password, "--auth", "scram-sha-256", "--encoding", "UTF8",
                "--locale", "C.UTF-8", "--no-sync",
            ],
            cwd=self._directory, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
        }
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [
                    *_as_its_user(), _program("postgres"), "-D", data,
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                cwd=self._directory, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        wait_for(lambda: self._answers(log), "PostgreSQL takes connections")

    def _answers(self, log: Path) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended: {log.read_text(errors='replace')}")
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(statement)


def _as_its_user() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups", "--reset-env"]


def _program(name: str) -> str:
    """Debian keeps the server's programs off the PATH, a directory for each version."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    path = os.pathsep.join([*(str(version) for version in reversed(versions)), os.environ["PATH"]])
    found = shutil.which(name, path=path)
    assert found, f"there is no {name} here; run scripts/setup --dev"
    return found
