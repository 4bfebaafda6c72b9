"""What an operator writes in `cloud.toml`."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from cloud import db
from cloud.errors import DatabaseError
from protocol import settings

Host = Annotated[str, Meta(min_length=1, max_length=253)]
Port = Annotated[int, Meta(ge=1, le=65_535)]

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here


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
    public_url: Annotated[str, Meta(max_length=253)] = ""
    """Where people find the console, as https://pointeuse.example.be: mailed links lead there."""
    api_url: Annotated[str, Meta(max_length=253)] = ""
    """Where programs find the API, as https://api.pointeuse.example.be, if at a name of its own:
    then the API is answered there alone, and the console everywhere else."""

    @property
    def public_host(self) -> str:
        """The name in `public_url`; none, there is none."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def api_host(self) -> str:
        """The name in `api_url`; none, there is none."""
        return urlsplit(self.api_url).hostname or ""

    @property
    def programs_url(self) -> str:
        """Where the API is: what precedes `/v1` in an address; none, nobody said."""
        return self.api_url or self.public_url

    def problem(self, *, mails: bool) -> str | None:
        """What does not fit together, and the fix; `mails`: whether anything is mailed."""
        if not self.public_url:
            if mails and self.host in _EVERYWHERE:
                # Else whoever asks for a link says where it leads: the Host header is theirs.
                return (
                    "public_url is needed where mail is sent and every address is listened on:"
                    " set it to where people find the console"
                )
        elif not _is_origin(self.public_url):
            return "public_url is to be like https://pointeuse.example.be, with no path"
        if self.api_url and not _is_origin(self.api_url):
            return "api_url is to be like https://api.pointeuse.example.be, with no path"
        if self.api_url and self.api_host in (self.public_host, self.host):
            return f"api_url names {self.api_host}, where the console is: give the API another name"
        return None


def _is_origin(url: str) -> bool:
    """Whether an address is one of a server, and says nothing of a page or of who asks."""
    parts = urlsplit(url)
    try:
        # Read to see whether it is one: as text anything stands there.
        _port = parts.port
    except ValueError:
        return False
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain


class Mail(Struct, forbid_unknown_fields=True, frozen=True):
    """`[mail]`: the server that takes our mail (SMTP, RFC 5321); none, nothing is mailed."""

    host: Annotated[str, Meta(max_length=253)] = ""
    port: Port = 25
    sender: Annotated[str, Meta(min_length=3, max_length=254)] = "pointeuse@localhost"
    security: Literal["none", "starttls", "tls"] = "none"
    """TLS begun with STARTTLS (often port 587), TLS from the start (465), or none."""
    ca_file: str = ""
    """The authorities that the server's certificate may come from, in PEM; none: the system's."""
    user: Annotated[str, Meta(max_length=254)] = ""
    password_file: str = ""
    """The file, of mode 0600, that holds the user's password."""

    @property
    def encrypted(self) -> bool:
        """Whether it is spoken to in TLS."""
        return self.security != "none"

    def problem(self) -> str | None:
        """What does not fit together, and the fix."""
        if bool(self.user) != bool(self.password_file):
            return "user and password_file go together: name both, or neither"
        if self.user and not self.encrypted:
            return 'a password is not sent in the clear: set security = "starttls" or "tls"'
        if self.ca_file and not self.encrypted:
            return 'ca_file means nothing without TLS: set security = "starttls" or "tls"'
        return None


class Retention(Struct, forbid_unknown_fields=True, frozen=True):
    """`[retention]`: how long personal data is kept, in months; docs/privacy.md says why."""

    minimum_months: Annotated[int, Meta(ge=0, le=600)] = 84
    """What the law makes a company keep of presences: no company keeps them for less."""
    default_months: Annotated[int, Meta(ge=0, le=600)] = 84
    """For a company that chose nothing, and for what no company answers for."""
    maximum_months: Annotated[int, Meta(ge=0, le=600)] = 120
    """The most a company may choose; what is sealed and never understood is kept as long."""
    exports_months: Annotated[int, Meta(ge=1, le=600)] = 24
    """The content of snapshots, which can be made anew."""
    trail_months: Annotated[int, Meta(ge=12, le=600)] = 120
    """Lines of the audit trail."""

    def problem(self) -> str | None:
        """What does not fit together, and the fix."""
        if not self.minimum_months <= self.default_months <= self.maximum_months:
            return (
                "minimum_months, default_months and maximum_months are to rise:"
                f" they are {self.minimum_months}, {self.default_months} and {self.maximum_months}"
            )
        return None


LIMITS = Retention()
"""What holds where nobody says otherwise."""


class Webhooks(Struct, forbid_unknown_fields=True, frozen=True):
    """`[webhooks]`: where the servers of integrators may be; none of it: on the Internet alone."""

    allow_networks: Annotated[list[str], Meta(max_length=100)] = []
    """Private networks that hold such servers, as ["10.20.0.0/16"]."""
    allow_http_on_loopback: bool = False
    """Whether http://localhost is sent to: for trying it out on one machine."""
    ca_file: str = ""
    """Authorities besides the system's that their certificates may come from, in PEM."""

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`allow_networks`. Raises ValueError when one is none."""
        return tuple(ip_network(each) for each in self.allow_networks)

    def problem(self) -> str | None:
        """What cannot be meant, and the fix."""
        try:
            self.networks  # noqa: B018 - asked whether it can be read
        except ValueError as error:
            return f"allow_networks: {error}; write networks as in 10.20.0.0/16"
        if self.ca_file and not Path(self.ca_file).is_file():
            return f"ca_file: there is no file {self.ca_file}"
        return None


class Config(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file; each table and each key may be left out."""

    database: Database = Database()
    platform: Platform = Platform()
    broker: Broker = Broker()
    api: Api = Api()
    mail: Mail = Mail()
    retention: Retention = LIMITS
    webhooks: Webhooks = Webhooks()

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
    if problem := config.api.problem(mails=bool(config.mail.host)):
        raise settings.SettingsError(f"{path}: api: {problem}")
    if problem := config.mail.problem():
        raise settings.SettingsError(f"{path}: mail: {problem}")
    if problem := config.retention.problem():
        raise settings.SettingsError(f"{path}: retention: {problem}")
    if problem := config.webhooks.problem():
        raise settings.SettingsError(f"{path}: webhooks: {problem}")
    return config
