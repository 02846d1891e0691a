"""Which addresses are public, and which hosts every parser reads alike."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from fastness.core.destination import METADATA, is_metadata, is_public, one_meaning

CLOSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1
    198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    168.63.129.16
    :: ::1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
    64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 2001::1 2001:0:53aa:64c::1 2001:20::1 2001:db8::1
    2002:7f00:1:: 2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1
    ff02::1 2606:4700::1111%lo
"""
OPEN = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
    172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
    2606:4700:4700::1111 2a00:1450:4001:81b::200e 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::808:808
"""


@pytest.mark.parametrize("address", CLOSED.split())
def test_an_address_that_is_not_of_the_public_internet_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", OPEN.split())
def test_a_neighbour_of_a_closed_network_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", sorted(METADATA, key=str), ids=str)
def test_a_metadata_address_is_known_in_every_dress(address: object) -> None:
    assert is_metadata(ip_address(str(address)))
    if ":" not in str(address):
        assert is_metadata(ip_address(f"::ffff:{address}"))
        assert is_metadata(ip_address(f"64:ff9b::{address}"))


@pytest.mark.parametrize("address", ["169.254.170.23", "64:ff9b::169.254.170.23", "fe80::1", "fe80::a9fe:a9fe%eth0"])
def test_whatever_is_link_local_may_be_metadata(address: str) -> None:
    assert is_metadata(ip_address(address))
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["10.0.0.1", "100.100.100.201", "fd00:ec2::253", "64:ff9b::10.0.0.1", "8.8.8.8"])
def test_a_neighbour_of_a_metadata_address_is_none(address: str) -> None:
    assert not is_metadata(ip_address(address))


@pytest.mark.parametrize(
    "host", ["example.com", "xn--bcher-kva.example", "a-b.c", "127.0.0.1", "8.8.8.8", "[::1]", "localhost", "1a.2b.c3"]
)
def test_a_name_and_an_address_in_its_usual_spelling_have_one_meaning(host: str) -> None:
    assert one_meaning(host)


@pytest.mark.parametrize(
    "host",
    [
        "", ".", "a..b", "-a.b", "a_b.c", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1",
        "127.000.000.1", "a.127.0.0.1", "1.2.3.4.5", "127.0.0.1.", "[::1", "[::1%25lo]", "[fe80::1%lo]", "[127.0.0.1]",
        "a b", "a%2eb", "①②⑦.⓪.⓪.①", "127。0。0。1", "x" * 64 + ".com", "a." * 130 + "a", "example.0x", "EXAMPLE.com",
    ],
)  # fmt: skip
def test_a_host_that_somebody_would_read_differently_has_none(host: str) -> None:
    assert not one_meaning(host)
