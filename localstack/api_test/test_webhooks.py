"""Webhooks of the running server, verified by the library of Standard Webhooks for Python."""

import base64
import json
import queue
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import standardwebhooks

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from receiver import receiving  # noqa: E402

KEY = base64.b64encode(b"devkey:tunrtc-development-secret-0123456789").decode()
PATIENCE_SECONDS = 20


@pytest.fixture
def receiver() -> Iterator[tuple[str, queue.Queue]]:
    with receiving() as endpoint:
        yield endpoint


def call(address: str, method: str, path: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Basic {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(address + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "{}")


def test_what_an_endpoint_gets_is_verified_and_nothing_else_is(address, receiver):
    url, came = receiver
    made = call(address, "POST", "/api/webhooks", {"url": url, "types": ["session.created"]})
    session = call(address, "POST", "/api/session/create", {"name": "Daily", "room": "webhooks-of-python"})
    body, headers = came.get(timeout=PATIENCE_SECONDS)
    event = standardwebhooks.Webhook(made["secret"]).verify(body, headers)
    assert (event["type"], event["data"]["session"]["sessionId"]) == ("session.created", session["sessionId"])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(made["secret"]).verify(body + b" ", headers)

    rotated = call(address, "POST", f"/api/webhooks/{made['webhookId']}/rotate")
    call(address, "POST", f"/api/webhooks/{made['webhookId']}/test")
    body, headers = came.get(timeout=PATIENCE_SECONDS)
    for secret in (made["secret"], rotated["secret"]):
        assert standardwebhooks.Webhook(secret).verify(body, headers)["type"] == "webhook.test"
    call(address, "DELETE", f"/api/webhooks/{made['webhookId']}")
