"""Where webhooks may lead: to a server on the Internet, by https, and nowhere inside.

Whoever enters an address would have the platform ask whatever it reaches: its own database, the
cloud's metadata, a neighbour (server-side request forgery). A name says nothing of that, and may
mean another address at the next look (DNS rebinding). So `checked_url` refuses what can be seen
to be wrong, and `Reach.permits` is asked of the very address that is then connected to.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.settings import Webhooks

Address = IPv4Address | IPv6Address
MAX_URL = 2000
_PORTS = {"https": 443, "http": 80}
_FREE = 1024
"""Below it, ports belong to mail, names, shells and the like, which are not to be spoken to."""
_LAST = 65_535
"""Of a higher one, the system would take the rest of a division: 65558 would be 22."""
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""Of NAT64 (RFC 6052): the last 32 bits are an IPv4 address."""


def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a name, as the system prefers them. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A scope (fe80::1%eth0) belongs to a link-local address, which is refused without it as well.
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be connected to, and how its certificate is judged."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private ones that are allowed all the same."""
    plain_on_loopback: bool = False
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    resolve: Callable[[str, int], Sequence[Address]] = resolve

    @classmethod
    def of(cls, settings: Webhooks) -> "Reach":
        """What the settings allow. Raises OSError when `ca_file` cannot be read."""
        context = ssl.create_default_context()
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
        return cls(settings.networks, settings.allow_http_on_loopback, context)

    def permits(self, address: Address, *, plain: bool = False) -> bool:
        """Whether an address may be connected to; `plain`: without TLS."""
        if plain:
            return self.plain_on_loopback and address.is_loopback
        return is_public(address) or any(address in network for network in self.networks)


def is_public(address: Address) -> bool:
    """Whether an address is a host's on the Internet: not private, not this machine, no group.

    One that has an IPv4 address within it is as that one is: a gateway may translate it.
    """
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or _translated(address)
        if within is not None:
            return is_public(within)
        # Tunnels of old (6to4, Teredo) end wherever somebody likes.
        if address.sixtofour is not None or address.teredo is not None:
            return False
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def checked_url(text: str, reach: Webhooks) -> str:
    """An address to send to, tidied. Raises InvalidError that names what is wrong with it.

    What its name means is asked when it is connected to, each time.
    """
    tidy = text.strip()
    if len(tidy) > MAX_URL:
        raise InvalidError(_("The address has more than %(most)d characters.") % {"most": MAX_URL})
    try:
        url = httpx.URL(tidy)
        # Only now is a name in the letters of DNS (xn--...) looked at.
        host = url.host
    except (httpx.InvalidURL, UnicodeError):
        raise _no_url() from None
    if url.scheme not in ("https", "http") or not host:
        raise _no_url()
    if url.userinfo or url.fragment:
        raise InvalidError(_("Leave out of the address what is before @, and what is after #."))
    literal = _literal(host)
    loopback = host == "localhost" or (literal is not None and literal.is_loopback)
    plain = url.scheme == "http"
    if plain and not (reach.allow_http_on_loopback and loopback):
        raise InvalidError(_("The address begins with http: only https is sent to."))
    if not plain and literal is not None and not _permitted(literal, reach):
        raise InvalidError(
            _("%(address)s is inside a network, and no address on the Internet.")
            % {"address": host}
        )
    if url.port is not None and not (_FREE <= url.port <= _LAST or url.port == _PORTS[url.scheme]):
        raise InvalidError(
            _("Port %(port)d is not sent to: it has to be 443, or from 1024 to 65535.")
            % {"port": url.port}
        )
    return str(url)


def _no_url() -> InvalidError:
    return InvalidError(_("This is no address: write it as https://example.be/pointeuse."))


def _permitted(address: Address, reach: Webhooks) -> bool:
    return is_public(address) or any(address in network for network in reach.networks)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _translated(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _TRANSLATED else None
