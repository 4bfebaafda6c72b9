"""Which addresses may be sent to: those of the Internet, unless the settings say otherwise."""

import asyncio
import ipaddress
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud import settings
from cloud.errors import InvalidError
from cloud.settings import Webhooks
from cloud.webhooks.addresses import Address, Reach, checked_url, is_public
from cloud.webhooks.sending import Answer, Outcome, send
from cloud.webhooks.service import noted
from protocol.settings import SettingsError

INSIDE = [
    "0.0.0.0",  # noqa: S104 - nothing is bound here
    *("10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:127.0.0.1"),
    *("::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "100::1", "2001:db8::1"),
    *(
        "2001::f5ff:fffe",
        "2002:a00:1::1",
        "2002:808:808::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
    ),
    *("fe80::1", "fec0::1", "ff02::1", "5f00::1"),
]
OUTSIDE = ["8.8.8.8", "193.191.1.1", "2606:4700::1", "2a02:a000::1", "::ffff:8.8.8.8"]
OUTSIDE += ["64:ff9b::808:808"]
REACH = Reach()


@pytest.mark.parametrize("text", INSIDE)
def test_what_is_inside_is_refused(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    assert not Reach().permits(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE)
def test_the_internet_is_sent_to(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    assert not Reach(plain_on_loopback=True).permits(ipaddress.ip_address(text), plain=True)


@given(st.ip_addresses())
def test_nothing_public_is_of_this_machine_or_its_neighbours(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        meant = getattr(address, "ipv4_mapped", None) or address
        assert not any(
            getattr(meant, f"is_{kind}")
            for kind in ("private", "loopback", "link_local", "multicast", "unspecified")
        )


def test_what_the_settings_allow() -> None:
    inside, loopback = ipaddress.ip_address("10.20.1.1"), ipaddress.ip_address("127.0.0.1")
    reach = Reach.of(Webhooks(allow_networks=["10.20.0.0/16"]))
    assert reach.permits(inside)
    assert not reach.permits(ipaddress.ip_address("10.21.1.1"))
    assert not reach.permits(inside, plain=True)
    reach = Reach.of(Webhooks(allow_http_on_loopback=True))
    assert reach.permits(loopback, plain=True)
    assert not reach.permits(loopback)
    assert not reach.permits(ipaddress.ip_address("8.8.8.8"), plain=True)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (" https://example.be/hook ", "https://example.be/hook"),
        ("https://example.be:8443/a?b=c", "https://example.be:8443/a?b=c"),
        ("HTTPS://Example.BE", "https://example.be"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1]/", "https://[2606:4700::1]/"),
        ("https://straße.be/", "https://xn--strae-oqa.be/"),
        ("https://example.be:65535/", "https://example.be:65535/"),
    ],
)
def test_addresses_are_tidied(written: str, meant: str) -> None:
    assert checked_url(written, Webhooks()) == meant


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "no address"),
        ("example.be/hook", "no address"),
        ("ftp://example.be/", "no address"),
        ("https:///hook", "no address"),
        ("https://exa\nmple.be/", "no address"),
        ("https://[::1", "no address"),
        ("http://example.be/", "only https"),
        ("http://localhost/", "only https"),
        ("https://u:p@example.be/", "before @"),
        ("https://example.be/#x", "after #"),
        ("https://10.0.0.1/", "inside a network"),
        ("https://[::1]/", "inside a network"),
        ("https://169.254.169.254/latest", "inside a network"),
        ("https://example.be:25/", "443, or from 1024"),
        ("https://example.be:80/", "443, or from 1024"),
        # Of which the system takes 22, and 443.
        ("https://example.be:65558/", "443, or from 1024 to 65535"),
        ("https://example.be:65979/", "443, or from 1024 to 65535"),
        ("https://xn--/", "no address"),
        ("https://xn--a.be/", "no address"),
        ("https://example.be/" + "x" * 2000, "more than 2000"),
    ],
)
def test_what_can_be_seen_to_be_wrong_is_refused(written: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        checked_url(written, Webhooks())


LABELS = st.one_of(
    st.sampled_from(["be", "example", "localhost", "xn--", "xn--a", "xn--bcher-kva", "10", "0x7f"]),
    st.sampled_from(
        ["straße", "ex\uff41mple", "-", "", "%31", "a%20b", "x" * 64, "\u200d", "\ud800"]
    ),
    st.text(max_size=6),
    st.text("abcxn-%[]:1", max_size=6).map("xn--".__add__),
)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.ip_addresses().map(lambda address: f"[{address}]" if address.version == 6 else str(address)),
    st.text("[]:%.0123456789abcdef", max_size=20),
)
PORTS = st.one_of(st.just(""), st.integers(-1, 2**33).map(":{}".format), st.text(max_size=4))
URLS = st.one_of(
    st.text(max_size=40),
    st.tuples(
        st.sampled_from(["https://", "http://", "HTTPS:", "//", ""]),
        st.sampled_from(["", "", "@", "u:p@"]),
        HOSTS,
        PORTS,
        st.one_of(st.just("/"), st.text(max_size=10).map("/".__add__)),
    ).map("".join),
)


@given(URLS, st.booleans())
@example("https://xn--/", False)
@example("https://straße.be/", False)
@example("https://example.be:65558/", False)
def test_whatever_is_entered_is_refused_in_words_or_can_be_sent_to(text: str, plain: bool) -> None:
    settings = Webhooks(allow_http_on_loopback=plain)
    try:
        url = checked_url(text, settings)
    except InvalidError:
        return
    assert checked_url(url, settings)
    assert noted({"url": url})["host"]
    asked: list[tuple[str, int]] = []

    async def nowhere(host: str, port: int) -> Sequence[Address]:
        asked.append((host, port))
        raise OSError

    assert asyncio.run(send(REACH, nowhere, url, {}, b"{}")) == Answer(Outcome.NO_SUCH_NAME)
    ((host, port),) = asked
    assert host.isascii()
    assert port in (443, 80) or 1024 <= port <= 65_535


def test_http_is_for_trying_it_out_on_one_machine() -> None:
    allowed = Webhooks(allow_http_on_loopback=True)
    for url in ("http://localhost:8080/hook", "http://127.0.0.1:8080/", "http://[::1]:8080/"):
        assert checked_url(url, allowed) == url
    with pytest.raises(InvalidError, match="only https"):
        checked_url("http://example.be/", allowed)
    with pytest.raises(InvalidError, match="inside a network"):
        checked_url("https://127.0.0.1/", allowed)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('allow_networks = ["10.20.0.1/16"]', r"allow_networks: 10.20.0.1/16 has host bits set"),
        ('allow_networks = ["ten"]', "allow_networks: 'ten'"),
        ('ca_file = "/nonexistent/ca.pem"', "ca_file: there is no file /nonexistent/ca.pem"),
        ("allow_everything = true", "unknown field `allow_everything`"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text(f"[webhooks]\n{line}\n")
    with pytest.raises(SettingsError, match=why):
        settings.load(path)


def test_the_page_on_webhooks_has_every_setting() -> None:
    page = (Path(settings.__file__).parents[1] / "docs" / "webhooks.md").read_text()
    for name in Webhooks.__struct_fields__:
        assert f"\n{name} = " in page
