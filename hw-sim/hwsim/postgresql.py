"""A PostgreSQL of our own: a cluster in a temporary directory, on a free loopback port.

Its super-user has a password made up at each start; nobody else on the machine gets in. fsync is
off, since nobody pulls the plug of the machine: what a killed process wrote, the kernel keeps.
`synchronous_commit` is on, as the platform asks.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from hwsim.errors import SimulatorError
from hwsim.processes import Process, free_port

_USER = "postgres"


class Cluster:
    """A running PostgreSQL; `database` makes databases in it, `stop` ends and removes it."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are PostgreSQL's own, beside ours. Raises SimulatorError."""
        self._settings = dict(settings or {})
        self._password = secrets.token_hex(16)
        self.port = free_port()
        self._made = 0
        # Not under pytest's own directory: that is closed to the user the server runs as.
        self._directory = Path(tempfile.mkdtemp(prefix="pointeuse-postgresql-"))
        try:
            self.process = self._made_process()
            """Its postmaster: killed with SIGKILL and started again, it recovers."""
        except BaseException:
            self._remove()
            raise
        try:
            self.process.start()
            self.process.wait_ready(self.answers)
        except BaseException:
            self.stop()
            raise

    def url(self, database: str, port: int | None = None) -> str:
        """What the platform is given to reach a database, at another port than its own or not."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{port or self.port}/{database}"

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

    def stop(self, keep: Path | None = None) -> None:
        """End the server at once and remove its directory, copied to `keep` if that is given."""
        self.process.stop(signal.SIGQUIT)
        if keep is not None:
            shutil.copytree(self._directory, keep)
        self._remove()

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _made_process(self) -> Process:
        data = self._directory / "data"
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
            check=False,
        )  # fmt: skip
        if made.returncode:
            raise SimulatorError(f"PostgreSQL's initdb failed: {made.stderr.strip()}")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            **self._settings,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [*_as_its_user(), _program("postgres"), "-D", str(data), *options]
        return Process("postgresql", command, self._directory / "log")

    def _remove(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

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
    if found is None:
        raise SimulatorError(f"there is no {name} here: apt-get install postgresql")
    return found
