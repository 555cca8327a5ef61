import os
import sys
from pathlib import Path

import pytest

import deployment
import emulator

sys.path.insert(0, str(deployment.ROOT / "coturn" / "tests"))

import server  # noqa: E402

TURN_SECRET_NAME = "turn"
# Short enough to wait for; everything else is as on AWS.
GRACE_SECONDS = 5
PARAMETERS = {"ReconnectGraceSeconds": str(GRACE_SECONDS), "EmptySessionSeconds": "2", "CallQuality": "on", "TranscribeRegion": "eu-central-1",
              "Recording": "true"}


@pytest.fixture(scope="session")
def binaries() -> dict[str, Path]:
    """The functions' programs as run.sh builds them, or as they were packaged for AWS."""
    if packaged := os.environ.get("TUNRTC_FUNCTIONS"):
        found = {name: Path(packaged).resolve() / name / "bootstrap" for name in deployment.functions()}
    else:
        folder = Path(os.environ.get("CARGO_TARGET_DIR", deployment.ROOT / "target")) / "debug"
        found = {name: folder / name for name in deployment.functions()}
    missing = [name for name, binary in found.items() if not binary.is_file()]
    assert not missing, f"not built: {', '.join(missing)}; run localstack/deploy_and_test/run.sh"
    return found


@pytest.fixture(scope="session")
def turn_secret() -> str:
    return "a-turn-secret-of-this-test-run-only"


@pytest.fixture(scope="session")
def turn_server(tmp_path_factory, turn_secret):
    """The real coturn, with the production configuration and the secret that the API is given."""
    directory = tmp_path_factory.mktemp("coturn")
    configuration = server.production(directory / "turnserver.conf", TURN_SECRET=turn_secret)
    with server.coturn(configuration, directory) as running:
        yield running


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory):
    with emulator.running(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture(scope="session")
def deployed(endpoint, binaries, turn_server, turn_secret):
    """The stack, deployed once for all tests and deleted after them."""
    packages = {name: deployment.package(binary) for name, binary in binaries.items()}
    manager = endpoint.client("secretsmanager")
    arn = manager.create_secret(Name=TURN_SECRET_NAME, SecretString=f'{{"current": "{turn_secret}", "previous": ""}}')["ARN"]
    stack = deployment.deploy(
        endpoint, packages,
        TurnSecretArn=arn, TurnUrls=f"turn:{turn_server.host}:{turn_server.port}", DeletionProtection="false", **PARAMETERS,
    )
    yield stack
    deployment.delete(stack)
