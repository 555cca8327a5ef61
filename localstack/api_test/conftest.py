"""A server of our own, for all tests of this folder."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import local_server  # noqa: E402

# Higher than anybody asks here, so that an answer is the route's own and not a limit's.
SETTINGS = {
    "TUNRTC_FAILED_LOGINS_PER_ACCOUNT": "1000000",
    "TUNRTC_FAILED_LOGINS_PER_ADDRESS": "1000000",
    "TUNRTC_REGISTRATIONS_PER_ADDRESS": "1000000",
    "TUNRTC_INVITES_PER_ADDRESS": "1000000",
    "TUNRTC_SESSIONS_PER_USER": "1000000",
    "TUNRTC_TICKETS_PER_USER": "1000000",
    "TUNRTC_RECORDINGS_PER_USER": "1000000",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """A server of our own on a free port, with the demo accounts."""
    with local_server.running(tmp_path_factory.mktemp("server") / "log", {**os.environ, **SETTINGS}) as address:
        yield address


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="many more requests, and sequences of them")
