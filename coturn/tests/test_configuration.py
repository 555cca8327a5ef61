"""What render.sh writes and refuses, what coturn thinks of it, and the rotation of the secret."""

import os
import re
import secrets
import socket
import ssl
import stat
import subprocess

import pytest

import server
from turn_client import Client, ephemeral

USER = "018f3a9e-7c1b-7000-8000-0123456789ab"


def test_coturn_understands_every_line(production):
    assert not re.search(r"bad config|unknown|ignored|invalid", production.log.read_text(), re.IGNORECASE)


def test_the_configuration_is_readable_by_its_owner_alone(tmp_path, secret):
    written = server.production(tmp_path / "turnserver.conf", TURN_SECRET=secret)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


def test_nothing_of_the_template_is_left_unfilled(tmp_path, secret):
    written = server.production(tmp_path / "turnserver.conf", TURN_SECRET=secret).read_text()
    settings = [line for line in written.splitlines() if not line.startswith("#")]
    assert not [line for line in settings if "@" in line]


def test_the_secret_may_come_from_a_file(tmp_path, secret):
    (tmp_path / "secret").write_text(secret + "\n")
    written = server.production(tmp_path / "turnserver.conf", TURN_SECRET_FILE=str(tmp_path / "secret"))
    assert f"\nstatic-auth-secret={secret}\n" in written.read_text()


def test_a_public_address_behind_a_nat_is_announced(tmp_path, secret):
    written = server.production(tmp_path / "turnserver.conf", TURN_SECRET=secret, TURN_EXTERNAL_IP="198.51.100.7/10.0.0.7")
    assert "\nexternal-ip=198.51.100.7/10.0.0.7\n" in written.read_text()


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"TURN_REALM": "turn.example.com"}, "TURN_SECRET"),
        ({"TURN_REALM": "turn.example.com", "TURN_SECRET": "short"}, "TURN_SECRET"),
        ({"TURN_REALM": "turn.example.com", "TURN_SECRET": "a" * 32 + "\nallow-loopback-peers"}, "TURN_SECRET"),
        ({"TURN_REALM": "turn.example.com", "TURN_SECRET_FILE": "/nonexistent"}, "TURN_SECRET_FILE"),
        ({"TURN_SECRET": "a" * 32}, "TURN_REALM"),
        ({"TURN_REALM": "turn.example.com", "TURN_SECRET": "a" * 32, "TURN_CERT": "/nonexistent"}, "TURN_CERT"),
        ({"TURN_REALM": "turn.example.com", "TURN_SECRET": "a" * 32, "TURN_USER_QUOTA": "0"}, "TURN_USER_QUOTA"),
        ({"TURN_REALM": "turn.example.com", "TURN_SECRET": "a" * 32, "TURN_RELAY_IP": "everywhere"}, "TURN_RELAY_IP"),
    ],
)
def test_a_missing_or_malformed_variable_ends_with_one_line_that_names_it(tmp_path, variables, names):
    done = server.render(tmp_path / "turnserver.conf", **variables)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and names in done.stderr
    assert not (tmp_path / "turnserver.conf").exists()


def test_tls_is_served_with_the_certificate_given_and_nothing_older_than_1_2(tmp_path, secret):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=turn.example.com", "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=20,
    )
    tls_port = server.free_port()
    configuration = server.production(
        tmp_path / "turnserver.conf", TURN_SECRET=secret,
        TURN_CERT=str(certificate), TURN_KEY=str(key), TURN_TLS_LISTENING_PORT=str(tls_port),
    )
    with server.coturn(configuration, tmp_path) as running:
        server.wait_for(lambda: server.accepts(tls_port), "the TLS port")
        assert handshake(running.host, tls_port, ssl.TLSVersion.TLSv1_2, certificate)
        assert not handshake(running.host, tls_port, ssl.TLSVersion.TLSv1_1, certificate)


def handshake(host: str, port: int, version: ssl.TLSVersion, certificate) -> bool:
    """Whether a TLS handshake of exactly this version succeeds and the certificate is the expected one."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    # The client itself would be willing to speak the old version.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with socket.create_connection((host, port), timeout=2) as plain, context.wrap_socket(plain):
            return True
    except (ssl.SSLError, OSError):
        return False


def accepted(configuration, directory, *, secret: str) -> bool:
    with server.coturn(configuration, directory) as running:
        with Client(running.host, running.port, "udp", ephemeral(secret, USER, 600)) as client:
            return client.allocate().code == 200


def variables_of(file) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def rotate(step: str, file) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", server.COTURN / "rotate.sh", step, file], capture_output=True, text=True, timeout=20)


def test_during_a_rotation_both_secrets_work_and_afterwards_the_new_one_alone(tmp_path):
    old = secrets.token_hex(32)
    environment, configuration = tmp_path / "environment", tmp_path / "turnserver.conf"
    environment.write_text(f"TURN_REALM=turn.example.com\nTURN_SECRET={old}\n")

    assert rotate("begin", environment).returncode == 0
    during = variables_of(environment)
    new = during["TURN_SECRET"]
    assert new != old and during["TURN_REALM"] == "turn.example.com"
    server.production(configuration, **during)
    assert configuration.read_text().count("\nstatic-auth-secret=") == 2
    assert accepted(configuration, tmp_path, secret=old)
    assert accepted(configuration, tmp_path, secret=new)

    assert rotate("finish", environment).returncode == 0
    server.production(configuration, **variables_of(environment))
    assert not accepted(configuration, tmp_path, secret=old)
    assert accepted(configuration, tmp_path, secret=new)
    assert stat.S_IMODE(environment.stat().st_mode) == 0o600


def test_a_second_rotation_does_not_begin_before_the_first_has_finished(tmp_path):
    environment = tmp_path / "environment"
    environment.write_text(f"TURN_SECRET={secrets.token_hex(32)}\n")
    assert rotate("begin", environment).returncode == 0
    before = environment.read_text()
    refused = rotate("begin", environment)
    assert refused.returncode == 2 and "finish" in refused.stderr
    assert environment.read_text() == before


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts a coturn of some version before the machine's own; it does nothing but name it."""

    def installed(version: str) -> None:
        program = tmp_path / "bin" / "turnserver"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{version}'\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return installed


@pytest.mark.parametrize("version", ["4.6.1", "4.13.0", "4.9.0", "no version at all"])
def test_an_older_coturn_is_refused_in_one_line_that_names_the_version_to_use(tmp_path, secret, installed, version):
    installed(version)
    done = server.render(tmp_path / "out", TURN_SECRET=secret, TURN_REALM="turn.example.com", TURN_MINIMUM_VERSION="4.13.1")
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    assert done.stderr.count("\n") == 1 and "4.13.1" in done.stderr


@pytest.mark.parametrize("version", ["4.13.1", "Version Coturn-4.14.0 'Gorst'", "5.0.0"])
def test_the_version_that_is_asked_for_and_newer_ones_are_taken(tmp_path, secret, installed, version):
    installed(version)
    done = server.render(tmp_path / "out", TURN_SECRET=secret, TURN_REALM="turn.example.com", TURN_MINIMUM_VERSION="4.13.1")
    assert (done.returncode, done.stderr) == (0, "")
