"""Two object stores that answer the same: the one inside the local server, and that of MiniStack."""

import hashlib
import hmac
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

LOCALSTACK = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(LOCALSTACK), str(LOCALSTACK / "deploy_and_test")]

import emulator  # noqa: E402
import local_server  # noqa: E402

BUCKET = "recordings"
ORIGIN = "https://app.example.org"

# Where MiniStack does other than S3, by the name of the test that shows it. Each is expected to fail there: one that passes was
# mended, and goes.
MINISTACK = {
    "test_a_part_that_is_too_small_is_refused_and_the_upload_stays": "it takes parts of any size",
    "test_parts_out_of_order_are_refused": "it puts parts together in whatever order they are named",
    "test_a_page_has_a_thousand_keys_at_most": "its pages are as long as one asks",
}

# What the embedded store alone refuses: S3 does not, and MiniStack does as S3.
STRICTER = {"test_an_address_takes_a_chunk_and_no_more": "S3 takes up to 5 GiB by an address"}


@dataclass(frozen=True)
class Store:
    """A bucket: `address` is the server's, `client` boto3's."""

    address: str
    client: object

    def presigned(self, operation: str, seconds: int = 600, **parameters) -> str:
        return self.client.generate_presigned_url(operation, {"Bucket": BUCKET, **parameters}, seconds)


def client(address: str, key: str, secret: str):
    return boto3.client(
        "s3", endpoint_url=address, region_name=emulator.REGION, aws_access_key_id=key, aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


@contextmanager
def embedded(folder: Path) -> Iterator[Store]:
    """The local server with its data in that folder."""
    data = folder / "tunrtc.db"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TUNRTC_"))}
    # Whatever was answered is kept, however it ends.
    end = subprocess.Popen.kill
    with local_server.running(folder / "log", clean, "--data", data, "--allow-origin", ORIGIN, end=end) as address:
        # As the server makes its keys of its secret: localstack/gateway/src/object_store.rs.
        secret = Path(f"{data}.secret").read_bytes().strip()
        made = {purpose: hmac.new(secret, purpose, hashlib.sha256).hexdigest() for purpose in (b"access key id", b"secret access key")}
        yield Store(address, client(address, made[b"access key id"][:20], made[b"secret access key"]))


@contextmanager
def ministack(folder: Path) -> Iterator[Store]:
    """MiniStack, with a bucket as infra/template.yaml has it."""
    with emulator.running(folder) as running:
        address = f"http://{running.host}"
        s3 = client(address, *emulator.ROOT.values())
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [{
            "AllowedOrigins": [ORIGIN], "AllowedMethods": ["GET", "HEAD", "PUT"], "AllowedHeaders": ["content-type", "range"],
            "ExposeHeaders": ["accept-ranges", "content-length", "content-range", "etag"], "MaxAgeSeconds": 7200,
        }]})
        yield Store(address, s3)


@pytest.fixture(scope="session", params=["embedded", "ministack"])
def store(request, tmp_path_factory) -> Iterator[Store]:
    start = {"embedded": embedded, "ministack": ministack}[request.param]
    with start(tmp_path_factory.mktemp(request.param)) as running:
        yield running


def pytest_collection_modifyitems(items):
    for item in items:
        reason = (MINISTACK | STRICTER).get(item.originalname)
        if reason and item.callspec.params.get("store") == "ministack":
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
