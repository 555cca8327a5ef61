"""The server keeps what its OpenAPI document says: schemathesis asks it everything the document allows and what it
forbids, and every answer has to be one that the document names.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# The seed makes every run ask the same; `--full` asks something new each time.
BOUNDED = ["--phases=examples,coverage,fuzzing", "--max-examples=60", "--seed=1"]
FULL = ["--phases=examples,coverage,fuzzing,stateful", "--max-examples=1000"]


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
