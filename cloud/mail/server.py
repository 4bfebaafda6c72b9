"""The server that takes our mail, as `[mail]` names it."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.settings import Mail
from protocol.keyfiles import load_secret

_TIMEOUT_S = 10.0


@contextmanager
def connected(mail: Mail) -> Iterator[smtplib.SMTP]:
    """A connection that may send: in TLS and logged in, if the settings say so.

    TLS is the submissions service's (RFC 8314 section 3.3) or begins with STARTTLS (RFC 3207); in
    either the server's certificate is verified, and without TLS nothing is sent.

    Raises OSError (as which smtplib's errors count) when the server does not answer, is not who it
    should be or does not let us in, KeyFileError when the password cannot be read.
    """
    context = ssl.create_default_context(cafile=mail.ca_file or None) if mail.encrypted else None
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            mail.host, mail.port, timeout=_TIMEOUT_S, context=context
        )
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=_TIMEOUT_S)
    with server:
        if mail.security == "starttls":
            server.starttls(context=context)
        if mail.user:
            server.login(mail.user, load_secret(Path(mail.password_file)).decode().strip())
        yield server
