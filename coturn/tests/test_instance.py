"""What the instance of infra/coturn.yaml does when it boots, done here: the real script with AWS played by stand-ins, and
the real coturn on the configuration that it writes."""

import re
import subprocess
import sys

import pytest

import server
from turn_client import Client, ephemeral

INFRA = server.COTURN.parent / "infra"
sys.path[:0] = [str(INFRA), str(INFRA / "tests")]

import deploy  # noqa: E402
import template as cfn  # noqa: E402

PUBLIC, PRIVATE = "198.51.100.7", "10.0.0.7"
# Programs of the instance that are not here or must do nothing here.
STAND_INS = {
    "apt-get": "", "systemctl": 'echo "$@" >> "$BOOTED"', "chown": "",
    # The metadata service, version 2: a token first, then the address, and nothing without the token.
    "curl": f"""case "$*" in
      *"-X PUT"*latest/api/token) echo a-token ;;
      *"X-aws-ec2-metadata-token: a-token"*local-ipv4) echo {PRIVATE} ;;
      *) exit 22 ;;
    esac""",
    "aws": """case "$*" in
      *"get-secret-value --region eu-central-1 --secret-id the-secret "*) cat "$SECRET_FILE" ;;
      *) exit 254 ;;
    esac""",
    "jq": f"""exec {sys.executable} -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1].lstrip(".")])' "$2" """,
}


def user_data() -> str:
    """The script as CloudFormation hands it to the instance."""
    values = {
        "RenderScript": deploy.packed(server.COTURN / "render.sh"), "Secret": "the-secret", "Address": PUBLIC,
        "ConfigurationTemplate": deploy.packed(server.COTURN / "turnserver.conf.in"), "AWS::Region": "eu-central-1",
        "DomainName": "turn.example.com", "Email": "ops@example.com", "Logs": "/tunrtc/turn", "CoturnVersion": "4.13.1",
        "UsageLog": "yes",
    }
    template = cfn.resources("AWS::EC2::LaunchTemplate", "coturn.yaml")["Template"]["LaunchTemplateData"]
    script = template["UserData"]["Fn::Base64"]["Fn::Sub"]
    return re.sub(r"\$\{([\w:]+)\}", lambda found: values[found.group(1)], script)


class Instance:
    """A machine below a folder."""

    def __init__(self, folder, secret: str, previous: str = ""):
        self.folder = folder
        for name in ("bin", "etc/systemd/system", "etc/letsencrypt/live", "run"):
            (folder / name).mkdir(parents=True)
        for name, body in STAND_INS.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / "bin" / name).chmod(0o755)
        (folder / "secret.json").write_text(f'{{"current": "{secret}", "previous": "{previous}"}}')

    def run(self, script: str) -> None:
        # The instance has coturn in a container, and none beside it.
        environment = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "SECRET_FILE": str(self.folder / "secret.json"),
                       "BOOTED": str(self.folder / "booted"), "TURN_LISTENING_IP": "127.0.0.1", "TURN_RELAY_IP": "127.0.0.1",
                       "TURN_MINIMUM_VERSION": server.TESTED_VERSION}
        here = re.sub(r"/(etc|run)/", rf"{self.folder}/\1/", script)
        done = subprocess.run(["sh", "-c", here], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def boot(self) -> None:
        self.run(user_data())

    def prepare(self):
        """What systemd runs before each start of coturn; the configuration that it leaves."""
        self.run((self.folder / "etc/tunrtc/prepare.sh").read_text().replace(str(self.folder), ""))
        return self.folder / "run/tunrtc/turnserver.conf"


@pytest.fixture
def instance(tmp_path, secret):
    made = Instance(tmp_path / "instance", secret)
    made.boot()
    return made


def test_it_boots_into_a_coturn_that_knows_the_secret_of_the_api(instance, tmp_path, secret):
    configuration = instance.prepare()
    assert f"external-ip={PUBLIC}/{PRIVATE}" in configuration.read_text()
    assert "\nverbose\n" in configuration.read_text()
    # Here the announced address is nobody's.
    configuration.write_text(re.sub(r"external-ip=.*", "", configuration.read_text()))
    with server.coturn(configuration, tmp_path) as running:
        with Client(running.host, running.port, "udp", ephemeral(secret, "a-user", 600)) as client:
            assert client.allocate().code == 200
        with Client(running.host, running.port, "udp", ephemeral("another" * 6, "a-user", 600)) as client:
            assert client.allocate().code == 401


def test_both_secrets_are_taken_while_one_replaces_the_other(tmp_path, secret):
    instance = Instance(tmp_path / "instance", secret, previous="p" * 64)
    instance.boot()
    written = instance.prepare().read_text()
    assert f"\nstatic-auth-secret={secret}\n" in written and f"\nstatic-auth-secret={'p' * 64}\n" in written


def test_tls_is_offered_once_there_is_a_certificate(instance):
    assert "\nno-tls\n" in instance.prepare().read_text()
    live = instance.folder / "etc/letsencrypt/live/turn.example.com"
    live.mkdir()
    for name in ("fullchain.pem", "privkey.pem"):
        (live / name).write_text("PEM")
    written = instance.prepare().read_text()
    assert "no-tls" not in written.split() and f"cert={instance.folder}/run/tunrtc/fullchain.pem" in written


def test_coturn_and_the_request_for_a_certificate_start_with_the_machine(instance):
    assert "enable --now coturn.service turn-certificate.timer" in (instance.folder / "booted").read_text()
    unit = (instance.folder / "etc/systemd/system/coturn.service").read_text()
    assert "coturn/coturn:4.13.1 -c" in unit and f"ExecStartPre=/bin/sh {instance.folder}/etc/tunrtc/prepare.sh" in unit
    timer = (instance.folder / "etc/systemd/system/turn-certificate.service").read_text()
    assert "-d turn.example.com" in timer and "systemctl restart coturn" in timer


def test_the_script_fits_into_the_user_data_of_an_instance():
    """EC2 takes 16 KB: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html"""
    assert len(user_data().encode()) <= 16 * 1024
