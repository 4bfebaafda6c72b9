"""For whom passkeys are made: the relying party, as `public_url` names it.

A passkey belongs to a name, and browsers use it at that name alone, over TLS or on the machine
itself (WebAuthn Level 3, sections 5.1.3 and 13.4.9). What a request says of where it was sent is
whatever who sent it likes, so without `public_url` there are no passkeys.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Party:
    """The RP ID, which is a name, and the origin that answers come from (RFC 6454)."""

    id: str
    origin: str


def party_of(public_url: str) -> Party:
    """Whose passkeys a platform's are. Raises InvalidError saying why it has none."""
    if not public_url:
        raise InvalidError(
            _(
                "A passkey belongs to a name, and this platform was not told its own:"
                " who runs it sets public_url under [api]."
            )
        )
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if _is_number(host):
        raise InvalidError(
            _(
                "A passkey belongs to a name, and this platform is known by the number %(host)s:"
                " who runs it gives it a name, and sets public_url under [api]."
            )
            % {"host": host}
        )
    if not host.isascii():
        raise InvalidError(
            _(
                "Browsers write the name %(host)s otherwise:"
                " who runs the platform writes it in public_url as they do, with xn--."
            )
            % {"host": host}
        )
    local = host == "localhost" or host.endswith(".localhost")
    if parts.scheme != "https" and not local:
        raise InvalidError(
            _(
                "Browsers use passkeys over TLS only, and %(url)s is without:"
                " who runs the platform puts a certificate before it."
            )
            % {"url": public_url}
        )
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return Party(host, f"{parts.scheme}://{host}{port}")


def _is_number(host: str) -> bool:
    """Whether browsers take a host for a number (URL Standard, section 3.5: ends in a number)."""
    last = host.rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")
