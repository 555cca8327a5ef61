"""Starts the real coturn for a test, on free ports of loopback, and stops it."""

import os
import random
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COTURN = Path(__file__).resolve().parent.parent
# Debian's, which is what the tests have: everything but the one hole that 4.13.1 closes is the same there.
TESTED_VERSION = "4.6.1"
START_SECONDS = 10


@dataclass(frozen=True)
class Server:
    """A running coturn: where it listens, and the file it logs to."""

    host: str
    port: int
    log: Path


def free_port() -> int:
    """A port that was free, for UDP and TCP, a moment ago."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue  # Somebody has it for UDP.
            return port


def render(output: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs render.sh with these variables and nothing else of TURN_... in its environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TURN_")}
    inherited["TURN_MINIMUM_VERSION"] = TESTED_VERSION
    return subprocess.run(
        ["sh", COTURN / "render.sh", output], env=inherited | variables, capture_output=True, text=True, timeout=20
    )


def production(output: Path, **variables: str) -> Path:
    """The production configuration, moved to loopback. Its relay ports lie in a small range of their own."""
    lowest = random.randrange(20000, 30000, 64)
    done = render(
        output,
        **{
            "TURN_REALM": "turn.example.com",
            "TURN_LISTENING_IP": "127.0.0.1",
            "TURN_RELAY_IP": "127.0.0.1,::1",
            "TURN_MIN_PORT": str(lowest),
            "TURN_MAX_PORT": str(lowest + 63),
        }
        | variables,
    )
    assert done.returncode == 0, done.stderr
    return output


@contextmanager
def coturn(configuration: Path, directory: Path):
    """Runs coturn on a configuration file until the block ends. Fails if it is not up in START_SECONDS."""
    port, log = free_port(), directory / "coturn.log"
    command = ["turnserver", "-c", configuration, "-p", str(port), "--pidfile", directory / "coturn.pid"]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until_up(process, port, log)
        yield Server("127.0.0.1", port, log)
    finally:
        process.terminate()
        process.wait(timeout=10)


# A STUN binding request (RFC 8489): type, no attributes, magic cookie, transaction.
BINDING_REQUEST = bytes.fromhex("0001" "0000" "2112a442") + b"are-you-up-?"


def wait_until_up(process: subprocess.Popen, port: int, log: Path) -> None:
    """Waits until the port answers over UDP and TCP. coturn opens its listeners one after the other."""

    def up() -> bool:
        assert process.poll() is None, f"coturn ended by itself:\n{log.read_text()}"
        return accepts(port) and answers(port)

    wait_for(up, f"coturn on port {port}")


def wait_for(condition, what: str) -> None:
    """Waits up to START_SECONDS for something that comes by itself."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come up within {START_SECONDS} s"
        time.sleep(0.02)


def accepts(port: int) -> bool:
    """Whether a TCP connection to the port is accepted."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def answers(port: int) -> bool:
    """Whether the port answers a STUN binding request over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(("127.0.0.1", port))
            probe.send(BINDING_REQUEST)
            return probe.recv(2048)[8:20] == BINDING_REQUEST[8:]
        except OSError:
            return False
