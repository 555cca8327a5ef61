import secrets

import pytest

import server


@pytest.fixture(scope="session")
def secret() -> str:
    return secrets.token_hex(32)


@pytest.fixture(scope="module")
def production(tmp_path_factory, secret):
    """coturn with the production configuration, as render.sh writes it."""
    directory = tmp_path_factory.mktemp("production")
    configuration = server.production(directory / "turnserver.conf", TURN_SECRET=secret)
    with server.coturn(configuration, directory) as running:
        yield running


@pytest.fixture(scope="module")
def for_tests(tmp_path_factory):
    """coturn with the test configuration of this folder, untouched but for its port."""
    with server.coturn(server.COTURN / "turnserver.test.conf", tmp_path_factory.mktemp("for-tests")) as running:
        yield running
