"""Whom the production configuration relays to: the public Internet, and nothing else."""

import re

import pytest

from turn_client import Client, ephemeral

FORBIDDEN, PERMITTED = 403, 200

DENIED_IPV4 = {
    "this network": "0.0.0.0",
    "private 10": "10.0.0.1",
    "private 10, last": "10.255.255.255",
    "carrier-grade NAT": "100.64.0.1",
    "carrier-grade NAT, last": "100.127.255.255",
    "loopback": "127.0.0.1",
    "loopback, another": "127.8.9.10",
    "link-local": "169.254.0.1",
    "metadata service": "169.254.169.254",
    "container credentials": "169.254.170.2",
    "private 172.16": "172.16.0.1",
    "private 172.16, last": "172.31.255.255",
    "protocol assignments": "192.0.0.8",
    "documentation 1": "192.0.2.1",
    "6to4 relay": "192.88.99.1",
    "private 192.168": "192.168.1.1",
    "benchmarking": "198.19.0.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "multicast": "224.0.0.1",
    "multicast, last": "239.255.255.255",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
}

DENIED_IPV6 = {
    "unspecified": "::",
    "loopback": "::1",
    "IPv4-compatible loopback": "::127.0.0.1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped metadata service": "::ffff:169.254.169.254",
    "mapped public": "::ffff:1.1.1.1",
    "translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::a00:1",
    "local NAT64": "64:ff9b:1::a00:1",
    "discard": "100::1",
    "Teredo": "2001:0:7f00:1::1",
    "documentation": "2001:db8::1",
    "6to4 of loopback": "2002:7f00:1::1",
    "documentation, new": "3fff::1",
    "segment routing": "5f00::1",
    "unique local": "fc00::1",
    "unique local, last": "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "metadata service over IPv6": "fd00:ec2::254",
    "link-local": "fe80::1",
    "site-local": "fec0::1",
    "multicast": "ff02::1",
}

# The first address outside each end of a denied range that has a public neighbour, and well-known public ones.
PERMITTED_IPV4 = [
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "223.255.255.255",
]
PERMITTED_IPV6 = ["2606:4700:4700::1111", "2001:200::", "2003::1", "2a00::1"]


@pytest.fixture(scope="module")
def relays(production, secret):
    """One IPv4 and one IPv6 allocation, by their IP version."""
    clients = {version: Client(production.host, production.port, "udp", ephemeral(secret, "peers", 600)) for version in (4, 6)}
    for version, client in clients.items():
        client.relayed(version)
    yield clients
    for client in clients.values():
        client.socket.close()


@pytest.mark.parametrize("peer", DENIED_IPV4.values(), ids=DENIED_IPV4)
def test_an_ipv4_peer_that_is_not_public_is_forbidden(relays, peer):
    assert relays[4].permit(peer).code == FORBIDDEN


@pytest.mark.parametrize("peer", DENIED_IPV6.values(), ids=DENIED_IPV6)
def test_an_ipv6_peer_that_is_not_public_is_forbidden(relays, peer):
    assert relays[6].permit(peer).code == FORBIDDEN


@pytest.mark.parametrize("peer", PERMITTED_IPV4)
def test_a_public_ipv4_peer_is_permitted(relays, peer):
    assert relays[4].permit(peer).code == PERMITTED


@pytest.mark.parametrize("peer", PERMITTED_IPV6)
def test_a_public_ipv6_peer_is_permitted(relays, peer):
    assert relays[6].permit(peer).code == PERMITTED


def test_every_rule_of_the_template_has_a_peer_that_it_refuses(production):
    """The lists above cover the template: coturn's log names each range it took, and each one is asked for."""
    import ipaddress

    taken = re.findall(r"Black listing: (\S+?)-(\S+)", production.log.read_text())
    tested = [ipaddress.ip_address(peer) for peer in [*DENIED_IPV4.values(), *DENIED_IPV6.values()]]
    untested = [
        f"{first}-{last}"
        for first, last in taken
        if not any(
            peer.version == ipaddress.ip_address(first).version
            and ipaddress.ip_address(first) <= peer <= ipaddress.ip_address(last)
            for peer in tested
        )
    ]
    assert taken and not untested


def test_the_refusals_come_from_the_template(for_tests):
    """coturn by itself denies no private range: the test configuration, which has no rules, permits one."""
    credentials = ephemeral("tunrtc-test-secret-on-loopback-only", "peers", 600)
    with Client(for_tests.host, for_tests.port, "udp", credentials) as client:
        client.relayed()
        assert client.permit("10.0.0.1").code == PERMITTED


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_test_configuration_relays_between_two_clients(for_tests, transport):
    credentials = ephemeral("tunrtc-test-secret-on-loopback-only", "peers", 600)
    with (
        Client(for_tests.host, for_tests.port, transport, credentials) as alice,
        Client(for_tests.host, for_tests.port, transport, credentials) as bob,
    ):
        to_alice, to_bob = alice.relayed(), bob.relayed()
        assert alice.permit(*to_bob).code == PERMITTED
        assert bob.permit(*to_alice).code == PERMITTED
        alice.send(to_bob, b"offer")
        assert bob.receive() == b"offer"
        bob.send(to_alice, b"answer")
        assert alice.receive() == b"answer"
