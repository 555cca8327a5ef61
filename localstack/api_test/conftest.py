"""A server of our own, for all tests of this folder."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 30
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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """A server of our own on a free port, with the demo accounts."""
    program = os.environ.get("TUNRTC_BIN") or Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/tunrtc"
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    log = (tmp_path_factory.mktemp("server") / "log").open("w")
    server = subprocess.Popen([program, "--port", str(port)], env={**os.environ, **SETTINGS}, stdout=log, stderr=log)
    try:
        wait_until_ready(server, address)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def wait_until_ready(server: subprocess.Popen, address: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, "the server stopped by itself"
            assert time.monotonic() < end, f"the server is not ready after {READY_SECONDS} s"
            time.sleep(0.05)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="many more requests, and sequences of them")
