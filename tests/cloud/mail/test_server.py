"""Mail by a real server that wants TLS and a password."""

import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from cloud import settings
from cloud.mail.server import connected
from cloud.settings import Mail
from protocol.errors import KeyFileError
from protocol.keyfiles import save_secret
from protocol.settings import SettingsError
from provisioning import certificates
from tests.support.ports import free_port

# aiosmtpd knows of STARTTLS alone, and not that TLS may be there from the start.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")

PASSWORD = b"Zomer-2026"
TEXT = b"Subject: Hello\r\n\r\nBonjour\r\n"


class Catcher:
    """Counts what comes from whoever knows the password."""

    def __init__(self) -> None:
        self.came = 0

    def knows(self, _server: SMTP, _session: Any, _envelope: Any, _how: str, it: Any) -> AuthResult:
        """aiosmtpd's authenticator."""
        return AuthResult(success=it == LoginPassword(b"gates", PASSWORD), handled=False)

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
        """aiosmtpd's word for a mail that was sent."""
        self.came += 1
        return "250 taken"


@pytest.fixture(params=["starttls", "tls"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Catcher, Mail]]:
    for name in ("ca.key", "server.key"):
        save_secret(tmp_path / name, certificates.new_key_pem())
    key, ours = (certificates.load_key(tmp_path / name) for name in ("ca.key", "server.key"))
    authority = certificates.Authority(key, certificates.make_authority(key))
    (tmp_path / "ca.pem").write_bytes(certificates.pem(authority.certificate))
    issued = authority.issue_server(ours.public_key(), "mail", ["127.0.0.1"])
    (tmp_path / "server.pem").write_bytes(certificates.pem(issued))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    save_secret(tmp_path / "password", PASSWORD + b"\n")

    catcher, at_once = Catcher(), request.param == "tls"
    controller = Controller(
        catcher,
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=tls if at_once else None,
        tls_context=None if at_once else tls,
        require_starttls=not at_once,
        auth_require_tls=not at_once,
        auth_required=True,
        authenticator=catcher.knows,
    )
    controller.start()
    yield (
        catcher,
        Mail(
            host="127.0.0.1",
            port=controller.port,
            security=request.param,
            ca_file=str(tmp_path / "ca.pem"),
            user="gates",
            password_file=str(tmp_path / "password"),
        ),
    )
    controller.stop()


def send(mail: Mail) -> None:
    with connected(mail) as smtp:
        smtp.sendmail("gates@example.be", "ann@example.be", TEXT)


@pytest.mark.integration
def test_a_server_that_wants_tls_and_a_password_takes_mail(server: tuple[Catcher, Mail]) -> None:
    catcher, mail = server
    send(mail)
    assert catcher.came == 1


@pytest.mark.integration
def test_whoever_is_not_the_server_gets_neither_password_nor_mail(
    server: tuple[Catcher, Mail],
) -> None:
    catcher, mail = server
    with pytest.raises(ssl.SSLCertVerificationError):
        send(msgspec.structs.replace(mail, ca_file=""))
    with pytest.raises(ssl.SSLCertVerificationError):
        send(msgspec.structs.replace(mail, host="localhost"))
    assert catcher.came == 0


@pytest.mark.integration
def test_a_wrong_password_is_an_error_that_is_tried_again(server: tuple[Catcher, Mail]) -> None:
    _, mail = server
    Path(mail.password_file).write_bytes(b"Winter-2026")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        send(mail)
    assert isinstance(caught.value, OSError)
    assert "Winter" not in str(caught.value)


@pytest.mark.integration
def test_a_password_that_others_may_read_is_not_used(server: tuple[Catcher, Mail]) -> None:
    _, mail = server
    Path(mail.password_file).chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        send(mail)


@pytest.mark.parametrize(
    ("api", "named"),
    [
        ('host = "0.0.0.0"', "public_url is needed"),
        ('host = "::"', "public_url is needed"),
        ('public_url = "pointeuse.example.be"', "is to be like"),
        ('public_url = "javascript:alert(1)"', "is to be like"),
        ('public_url = "https://pointeuse.example.be/console"', "is to be like"),
        ('public_url = "https://ann@pointeuse.example.be"', "is to be like"),
        ('public_url = "https://pointeuse.example.be:99999"', "is to be like"),
        ('public_url = "https://pointeuse.example.be:http"', "is to be like"),
        ('public_url = "https://pointeuse.example.be"', None),
        ('host = "0.0.0.0"\npublic_url = "https://pointeuse.example.be/"', None),
        ('host = "127.0.0.1"', None),
    ],
)
def test_where_mailed_links_lead_is_told_where_anybody_may_ask(
    tmp_path: Path, api: str, named: str | None
) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text(f'[mail]\nhost = "mail.example.be"\n[api]\n{api}\n')
    if named is None:
        settings.load(path)
        return
    with pytest.raises(SettingsError, match=named):
        settings.load(path)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('user = "gates"', "password_file"),
        ('security = "tls"\npassword_file = "/p"', "go together"),
        ('user = "gates"\npassword_file = "/p"', "in the clear"),
        ('ca_file = "/ca.pem"', "without TLS"),
        ('security = "ssl"', "security"),
    ],
)
def test_settings_that_do_not_fit_are_named(tmp_path: Path, lines: str, named: str) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text(f'[mail]\nhost = "mail.example.be"\n{lines}\n')
    with pytest.raises(SettingsError, match=named):
        settings.load(path)
