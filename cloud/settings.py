"""What an operator writes in `cloud.toml`."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from cloud import db
from cloud.errors import DatabaseError
from protocol import settings

Host = Annotated[str, Meta(min_length=1, max_length=253)]
Port = Annotated[int, Meta(ge=1, le=65_535)]


class Database(Struct, forbid_unknown_fields=True, frozen=True):
    """`[database]`: SQLite in a file, or PostgreSQL."""

    url: str = "sqlite:////var/lib/pointeuse/platform.sqlite"


class Platform(Struct, forbid_unknown_fields=True, frozen=True):
    """`[platform]`: the directory that `pointeuse provision platform` made."""

    directory: str = "/var/lib/pointeuse/platform"


class Broker(Struct, forbid_unknown_fields=True, frozen=True):
    """`[broker]`: where terminals and platform meet."""

    host: Host = "localhost"
    port: Port = 8883


class Api(Struct, forbid_unknown_fields=True, frozen=True):
    """`[api]`: where the API and the console listen."""

    host: Host = "127.0.0.1"
    port: Port = 8000
    requests_per_s: Annotated[float, Meta(gt=0, le=100_000)] = 20.0
    """Of one token, in the long run."""
    burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 200
    """Of one token, at once."""


class Mail(Struct, forbid_unknown_fields=True, frozen=True):
    """`[mail]`: the server that takes our mail (SMTP, RFC 5321); none, nothing is mailed."""

    host: Annotated[str, Meta(max_length=253)] = ""
    port: Port = 25
    sender: Annotated[str, Meta(min_length=3, max_length=254)] = "pointeuse@localhost"


class Config(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file; each table and each key may be left out."""

    database: Database = Database()
    platform: Platform = Platform()
    broker: Broker = Broker()
    api: Api = Api()
    mail: Mail = Mail()

    @property
    def directory(self) -> Path:
        """The platform's directory: keys, certificates, trust documents."""
        return Path(self.platform.directory)


def load(path: Path) -> Config:
    """Read and check `cloud.toml`. Raises settings.SettingsError."""
    config = settings.load(path, Config)
    try:
        db.parse_url(config.database.url)
    except DatabaseError as error:
        raise settings.SettingsError(f"{path}: database.url: {error}") from error
    return config
