"""Webhooks of the running server, verified by the library of Standard Webhooks for Python."""

import base64
import http.server
import json
import queue
import threading
import urllib.request
from collections.abc import Iterator

import pytest
import standardwebhooks

KEY = base64.b64encode(b"devkey:tunrtc-development-secret-0123456789").decode()
PATIENCE_SECONDS = 20


@pytest.fixture
def receiver() -> Iterator[tuple[str, queue.Queue]]:
    """Takes everything; the address, and what came."""
    came: queue.Queue = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            came.put((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/hooks", came
    server.shutdown()
    server.server_close()


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
