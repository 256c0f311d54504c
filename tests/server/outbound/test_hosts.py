from __future__ import annotations

from ipaddress import ip_address

import pytest

from server.outbound.addresses import is_public, is_site, unwrapped
from server.outbound.hosts import AllowList
from server.outbound.urls import parse_url

PRIVATE = (
    "10.0.0.1",
    "172.31.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "fd12::1",
    "fc00::1",
)
NOBODYS = (
    *("0.0.0.0", "169.254.169.254", "169.254.1.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1"),
    *("198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.88.99.1", "203.0.113.9"),
    *("::", "fe80::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "fec0::1", "2001:db8::1", "2002:7f00:1::", "2001::1"),
    *("::127.0.0.1", "64:ff9b:1::1", "100::1", "3fff::1", "5f00::1"),
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001:800::200e")
WRAPPED = ("::ffff:{}", "64:ff9b::{}")


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_a_sites(address: str) -> None:
    assert (is_public(ip_address(address)), is_site(ip_address(address))) == (False, True)


@pytest.mark.parametrize("address", NOBODYS)
def test_special_addresses_are_nobodys(address: str) -> None:
    assert (is_public(ip_address(address)), is_site(ip_address(address))) == (False, False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert (is_public(ip_address(address)), is_site(ip_address(address))) == (True, False)


@pytest.mark.parametrize("form", WRAPPED)
@pytest.mark.parametrize("address", [a for a in (*PRIVATE, *NOBODYS, *PUBLIC) if "." in a and ":" not in a])
def test_an_address_within_another_is_what_counts(form: str, address: str) -> None:
    assert unwrapped(ip_address(form.format(address))) == ip_address(address)


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("example.org", "http://example.org/sparql"),
        ("example.org", "https://EXAMPLE.org.:8443/x?y#z"),
        ("Example.ORG:8443", "https://example.org:8443/"),
        ("example.org:443", "https://example.org/"),
        ("*.example.org", "http://a.b.example.org/"),
        (" a.org , b.org ", "http://b.org"),
        ("bücher.example", "http://xn--bcher-kva.example/"),
        ("xn--bcher-kva.example", "http://BÜCHER.example/"),
        ("10.0.0.1", "http://10.0.0.1:9/"),
        ("::1", "http://[0:0::1]/"),
        ("[::1]:80", "http://[::1]/"),
        ("10.0.0.1", "http://[::ffff:a00:1]/"),
        ("localhost:8080", "http://localhost:8080/"),
        ("twin.site=private", "http://twin.site/"),
        ("twin.site:8080=private", "http://twin.site:8080/"),
    ],
)
def test_what_the_list_names(entries: str, url: str) -> None:
    assert AllowList.parse(entries).names(parse_url(url))


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("", "http://example.org/"),
        ("example.org", "http://www.example.org/"),
        ("example.org", "http://example.org.evil.org/"),
        ("example.org:8443", "https://example.org/"),
        ("*.example.org", "http://example.org/"),
        ("*.example.org", "http://evilexample.org/"),
        ("10.0.0.1", "http://10.0.0.10/"),
        ("127.0.0.1", "http://localhost/"),
        ("localhost", "http://127.0.0.1/"),
        ("localhost", "http://a.localhost/"),
    ],
)
def test_what_the_list_does_not_name(entries: str, url: str) -> None:
    assert not AllowList.parse(entries).names(parse_url(url))


@pytest.mark.parametrize(
    "entry",
    [
        *("*", "*.", "http://example.org", "example.org/sparql", "user@example.org", "a b", "example.org:", "a:b"),
        *("example.org:0", "example.org:65536", "0x7f.1", "2130706433", "127.1", "010.0.0.1", "*.0.0.1", "a..b"),
        *("=private", "example.org=public", "*.*.org", "[::1", "a_%41", "-a.org"),
    ],
)
def test_an_entry_that_is_none_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        AllowList.parse(f"good.org,{entry}")
    assert f'"{entry}"' in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "host", "admitted"),
    [
        ("a.org", "a.org", PUBLIC),
        ("*.org", "a.org", PUBLIC),
        ("a.org=private", "a.org", (*PUBLIC, *PRIVATE)),
        ("*.org=private", "a.org", (*PUBLIC, *PRIVATE)),
        ("a.org,b.org=private", "a.org", PUBLIC),
        ("a.org,10.0.0.1", "a.org", (*PUBLIC, "10.0.0.1")),
        ("a.org,169.254.169.254", "a.org", (*PUBLIC, "169.254.169.254")),
        ("a.org,10.0.0.1:81", "a.org", PUBLIC),
        ("localhost", "localhost", (*PUBLIC, "127.0.0.1", "127.8.8.8", "::1")),
    ],
)
def test_the_addresses_that_a_name_may_have(entries: str, host: str, admitted: tuple[str, ...]) -> None:
    hosts, url = AllowList.parse(entries), parse_url(f"http://{host}/")
    assert {a for a in (*PRIVATE, *NOBODYS, *PUBLIC) if hosts.admits(url, ip_address(a))} == set(admitted)
