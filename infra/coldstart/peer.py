"""AWS as a broadcast meets it: the table, the queue and `@connections` behind TLS on this machine, in a process of its own.

A push takes as long as it is told to, and how many are on their way at once is counted.
"""

import asyncio
import json
import multiprocessing
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESS = "127.0.0.1"
# How the names of connections begin that are gone.
GONE = "gone"
START_SECONDS = 10


@dataclass
class Seen:
    """What arrived: how many pushes, how many of them at most at once, and the operations of the table."""

    pushes: int
    at_once: int
    operations: list[str]


@dataclass
class Peer:
    """Where it listens, and what it has seen."""

    url: str
    seen: Callable[[], Seen]


@contextmanager
def served(folder: Path, items: Callable[[str, dict], dict], push_seconds: float) -> Iterator[Peer]:
    """Serves until the block ends. `items` answers an operation of the table or the queue by its name and request; a push is answered
    after `push_seconds`: that the connection is gone when its name begins with GONE. The certificates are in `folder`: `ca.pem` is
    what a client has to trust."""
    certify(folder)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(folder, items, push_seconds, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the peer did not start")
        port = ours.recv()
        yield Peer(f"https://{ADDRESS}:{port}", lambda: (ours.send(None), ours.recv())[1])
    finally:
        process.terminate()
        process.join()


def certify(folder: Path) -> None:
    """An authority, and a certificate of it for this machine."""
    authority, machine = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TunRTC measurement")])
    now = datetime.now(timezone.utc)

    def certificate(key, extension: x509.ExtensionType) -> bytes:
        subject = name if key is authority else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ADDRESS)])
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        return made.add_extension(extension, critical=False).sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    (folder / "ca.pem").write_bytes(certificate(authority, x509.BasicConstraints(ca=True, path_length=None)))
    key = machine.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESS))])
    (folder / "peer.pem").write_bytes(key + certificate(machine, addresses))


def serve(folder: Path, items: Callable[[str, dict], dict], push_seconds: float, pipe) -> None:
    seen, waiting = Seen(0, 0, []), 0

    async def push(connection: str) -> tuple[str, bytes]:
        nonlocal waiting
        waiting += 1
        seen.pushes, seen.at_once = seen.pushes + 1, max(seen.at_once, waiting)
        await asyncio.sleep(push_seconds)
        waiting -= 1
        return ("410 Gone" if connection.startswith(GONE) else "200 OK"), b"{}"

    async def answer(line: str, headers: dict[str, str], body: bytes) -> tuple[str, bytes]:
        if "/@connections/" in line:
            return await push(line.split("/@connections/")[1].split()[0])
        operation = headers["x-amz-target"].split(".")[1]
        seen.operations.append(operation)
        return "200 OK", json.dumps(items(operation, json.loads(body))).encode()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, answered = await answer(line, headers, body)
                head = f"HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {len(answered)}\r\n\r\n"
                writer.write(head.encode() + answered)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "peer.pem")
        server = await asyncio.start_server(attend, ADDRESS, 0, ssl=context, backlog=256)
        pipe.send(server.sockets[0].getsockname()[1])
        asyncio.get_running_loop().add_reader(pipe.fileno(), lambda: (pipe.recv(), pipe.send(seen)))
        await server.serve_forever()

    asyncio.run(run())

