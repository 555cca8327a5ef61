"""Who gets an allocation from the production configuration, and how many."""

import secrets
import time

import pytest

import server
from turn_client import Client, Credentials, ephemeral

USER = "018f3a9e-7c1b-7000-8000-0123456789ab"
transports = pytest.mark.parametrize("transport", ["udp", "tcp"])


def answer(running: server.Server, transport: str, credentials: Credentials) -> int:
    with Client(running.host, running.port, transport, credentials) as client:
        return client.allocate().code


@transports
def test_credentials_of_the_api_are_accepted(production, secret, transport):
    assert answer(production, transport, ephemeral(secret, USER, 600)) == 200


@transports
def test_expired_credentials_are_refused(production, secret, transport):
    assert answer(production, transport, ephemeral(secret, USER, -1)) == 401


@transports
def test_credentials_made_with_another_secret_are_refused(production, transport):
    assert answer(production, transport, ephemeral(secrets.token_hex(32), USER, 600)) == 401


@transports
def test_a_username_with_a_later_expiry_than_was_signed_is_refused(production, secret, transport):
    signed = ephemeral(secret, USER, 600)
    expiry, user = signed.username.split(":")
    assert answer(production, transport, Credentials(f"{int(expiry) + 3600}:{user}", signed.password)) == 401


@transports
def test_a_username_without_an_expiry_is_refused(production, transport):
    assert answer(production, transport, Credentials(USER, "password")) == 401


def test_one_user_gets_no_more_allocations_than_the_quota(tmp_path, secret):
    configuration = server.production(tmp_path / "turnserver.conf", TURN_SECRET=secret, TURN_USER_QUOTA="2")
    with server.coturn(configuration, tmp_path) as running:
        # A new expiry makes a new username: the quota counts the user behind it all the same.
        clients = [Client(running.host, running.port, "udp", ephemeral(secret, USER, 600 + at)) for at in range(3)]
        codes = [client.allocate().code for client in clients]
        other = answer(running, "udp", ephemeral(secret, "another-user", 600))
        for client in clients:
            client.socket.close()
    assert codes == [200, 200, 486]
    assert other == 200


def test_an_ended_allocation_gives_its_place_back(tmp_path, secret):
    configuration = server.production(tmp_path / "turnserver.conf", TURN_SECRET=secret, TURN_USER_QUOTA="1")
    with server.coturn(configuration, tmp_path) as running:
        with Client(running.host, running.port, "udp", ephemeral(secret, USER, 600)) as first:
            first.relayed()
            assert answer(running, "udp", ephemeral(secret, USER, 600)) == 486
            assert first.release().code == 200
        # coturn answers the release before it has counted the place as free.
        deadline = time.monotonic() + 10
        while (code := answer(running, "udp", ephemeral(secret, USER, 600))) == 486 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert code == 200
