"""Whom the functions trust over TLS: whoever a root of SSL_CERT_FILE signed, and nobody else.

The endpoints of AWS cannot be asked here. What can be shown is that the file is what counts and that nobody outside
it gets through. infra/tests/test_roots.py holds what is in the file that is shipped, and a test of `runtime::aws` that
the TLS library takes each root of it.
"""

import ssl
import sys
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import deployment

sys.path.insert(0, str(deployment.ROOT / "infra" / "coldstart"))

import coldstart  # noqa: E402
import runtime_api  # noqa: E402

# Of a table without a login in it, and of one that cannot be asked.
UNAUTHORIZED, UNAVAILABLE = 401, 503


class Table(BaseHTTPRequestHandler):
    """A table that takes everything and holds nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Authority:
    """A root certificate of this test run, and what it signs."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A root of one test run")])
        usage = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = self.sign(self.name, self.key, usage)

    def sign(self, subject: x509.Name, key, *extensions: x509.ExtensionType) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        builder = builder.not_valid_after(now + timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server_context(self, folder) -> ssl.SSLContext:
        """For a server called localhost."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        certificate = self.sign(name, key, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
        (folder / "server.pem").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return context


@contextmanager
def serving(context: ssl.SSLContext):
    """The table behind TLS on a free port; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Table)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def table(authority, tmp_path_factory):
    with serving(authority.server_context(tmp_path_factory.mktemp("tls"))) as address:
        yield address


def admit(binaries, table: str, roots, tmp_path) -> int:
    """The status with which `$connect` is answered, when the table is reached over TLS with these roots."""
    environment = coldstart.ENVIRONMENT | {"SSL_CERT_FILE": str(roots), "AWS_ENDPOINT_URL": table}
    with (tmp_path / "output").open("w") as output:
        timing = runtime_api.cold_start(binaries["ws_connect"], coldstart.websocket_event("$connect"), environment, 256, None, output)
    return timing.answer["statusCode"]


def test_a_function_trusts_what_a_root_of_its_file_signed(binaries, table, authority, tmp_path):
    roots = tmp_path / "roots.pem"
    roots.write_text(authority.pem())
    assert admit(binaries, table, roots, tmp_path) == UNAUTHORIZED


def test_with_the_roots_that_are_shipped_nobody_else_is_trusted(binaries, table, tmp_path):
    assert admit(binaries, table, deployment.AMAZON_ROOTS, tmp_path) == UNAVAILABLE
