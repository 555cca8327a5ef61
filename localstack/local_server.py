"""The local server, as the tests of this folder start it: TUNRTC_BIN, or what `cargo build` has made."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 30
STOP_SECONDS = 10


@contextlib.contextmanager
def running(
    log: Path, environment: Mapping[str, str], *options: str | Path, end: Callable[[subprocess.Popen], None] = subprocess.Popen.terminate
) -> Iterator[str]:
    """A server on a free port, with this environment and no other; its address. What it says is added to the log."""
    program = os.environ.get("TUNRTC_BIN") or Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/tunrtc"
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with log.open("a") as output:
        server = subprocess.Popen([program, "--port", str(port), *options], env=environment, stdout=output, stderr=output)
    try:
        wait_until_ready(server, address)
        yield address
    finally:
        end(server)
        server.wait(STOP_SECONDS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


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
