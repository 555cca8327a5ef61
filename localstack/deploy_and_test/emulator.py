"""MiniStack, a LocalStack-compatible endpoint that runs without containers, for as long as a block lasts."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

REGION = "us-east-1"
START_SECONDS = 30
# What MiniStack takes for its root user. Functions get the credentials of their role instead.
ROOT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class Emulator:
    """A running endpoint: `host` is host:port, `log` the file with its output and that of the functions."""

    host: str
    log: Path

    def client(self, service: str):
        """A boto3 client of the endpoint, with root's credentials."""
        return boto3.client(
            service,
            endpoint_url=f"http://{self.host}",
            region_name=REGION,
            aws_access_key_id=ROOT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ROOT["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"max_attempts": 2}, read_timeout=300),
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(directory: Path):
    """Starts MiniStack on a free port with IAM enforced, and stops it with all the functions it started."""
    port = free_port()
    host, log = f"127.0.0.1:{port}", directory / "ministack.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TUNRTC_"))}
    environment = clean | ROOT | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://{host}",
        # Roles are enforced: a function that lacks an action fails here as it would on AWS.
        "AUTH": "true",
        # And every call is recorded with the role that made it, to find actions that nobody uses.
        "CLOUDTRAIL_RECORDING": "1",
        "CLOUDTRAIL_MAX_EVENTS": "100000",
        # The one service that listens on a fixed port besides.
        "IOT_MTLS_ENABLED": "0",
        "TMPDIR": str(directory),
        "LOG_LEVEL": "INFO",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("ministack")],
            env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=directory, start_new_session=True,
        )
    try:
        wait_until_healthy(process, host, log)
        yield Emulator(host, log)
    finally:
        # Its own process group: MiniStack and the functions it keeps warm, nobody else.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


def wait_until_healthy(process: subprocess.Popen, host: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"MiniStack ended by itself:\n{log.read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(f"http://{host}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"MiniStack was not healthy within {START_SECONDS} s:\n{log.read_text()[-4000:]}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, running(Path(scratch)) as emulator:
        print(f"MiniStack listens on http://{emulator.host}; Ctrl-C stops it", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
