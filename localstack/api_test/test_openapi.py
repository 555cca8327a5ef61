"""The server keeps what its OpenAPI document says: schemathesis asks it everything the document allows and what it
forbids, and every answer has to be one that the document names.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
READY_SECONDS = 30
# The seed makes every run ask the same; `--full` asks something new each time.
BOUNDED = ["--phases=examples,coverage,fuzzing", "--max-examples=60", "--seed=1"]
FULL = ["--phases=examples,coverage,fuzzing,stateful", "--max-examples=1000"]
# Higher than anybody asks here, so that an answer is the route's own and not a limit's.
SETTINGS = {
    "TUNRTC_FAILED_LOGINS_PER_ACCOUNT": "1000000",
    "TUNRTC_FAILED_LOGINS_PER_ADDRESS": "1000000",
    "TUNRTC_REGISTRATIONS_PER_ADDRESS": "1000000",
    "TUNRTC_SESSIONS_PER_USER": "1000000",
    "TUNRTC_TICKETS_PER_USER": "1000000",
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


@pytest.fixture(scope="module")
def token(address) -> str:
    """The access token of a demo account."""
    login = json.dumps({"email": "demo@tunrtc.com", "password": "demo123"}).encode()
    request = urllib.request.Request(f"{address}/api/auth/login", login, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["token"]


def test_the_server_keeps_its_openapi_document(address, token, request, tmp_path):
    much = FULL if request.config.getoption("--full") else BOUNDED
    program = [Path(sys.executable).parent / "schemathesis", f"--config-file={HERE / 'schemathesis.toml'}", "run", *much]
    # It writes what it found into the folder that it runs in.
    asked = subprocess.run(
        [*program, f"{address}/openapi.json", f"--header=Authorization: Bearer {token}", "--continue-on-failure"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    print(asked.stdout[-20_000:], asked.stderr)
    assert asked.returncode == 0
