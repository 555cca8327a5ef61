"""fence.py, with a stage in place of AWS's that can be late."""

import contextlib
import json
import sys

import pytest
import websockets

import template as cfn

sys.path.insert(0, str(cfn.INFRA))

import fence  # noqa: E402
import smoke  # noqa: E402


class Gone(Exception):
    pass


class Stage:
    """@connections. A deleted connection is gone at once, or after it was written to `late` times."""

    class exceptions:  # noqa: N801 - as boto3 names it
        GoneException = Gone

    def __init__(self, late: int = 0):
        self.late, self.deleted = late, set()

    def delete_connection(self, ConnectionId: str) -> None:  # noqa: N803 - as boto3 names it
        self.deleted.add(ConnectionId)

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803 - as boto3 names it
        assert ConnectionId in self.deleted
        if self.late == 0:
            raise Gone
        self.late -= 1


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """What was asked of the HTTP API, which says yes to everything; and a signaling server on loopback."""
    asked = []

    def call(url: str, method: str, body: dict, **headers: str) -> smoke.Answer:
        asked.append(f"{method} {url.removeprefix('http://api')}")
        answer = {"token": "t", "userId": "u", "sessionId": "s", "url": "ws://signaling", "ticket": "once"}
        return smoke.Answer(200, {}, json.dumps(answer).encode())

    class Socket:
        sent: list[dict] = []

        async def send(self, text: str) -> None:
            self.sent = [{"event": "userJoined"}, {"event": "ack", "id": json.loads(text)["id"]}]

        async def recv(self) -> str:
            return json.dumps(self.sent.pop(0))

        async def close(self) -> None:
            pass

    async def connect(url: str, **_) -> Socket:
        assert url == "ws://signaling?ticket=once"
        return Socket()

    monkeypatch.setattr(fence, "call", call)
    monkeypatch.setattr(websockets, "connect", connect)
    return asked


def test_a_stage_that_answers_410_at_once_has_a_fence(asked):
    assert fence.writes_taken(fence.Visitor("http://api"), lambda *_: "c", Stage()) == 0
    assert asked.count("POST /api/session/ticket") == fence.ROUNDS


def test_every_write_that_a_deleted_connection_takes_is_counted(asked):
    assert fence.writes_taken(fence.Visitor("http://api"), lambda *_: "c", Stage(late=3)) == 3


def test_the_account_is_deleted_again_when_a_round_fails(asked, monkeypatch):
    outputs = {"HttpApiUrl": "http://api", "WebSocketApiUrl": "wss://api/ws", "TableName": "tunrtc"}
    monkeypatch.setattr(fence.deploy, "outputs", lambda *_: outputs)
    monkeypatch.setattr(fence, "writes_taken", lambda *_: 1 / 0)
    with contextlib.suppress(ZeroDivisionError):
        fence.main(["--region", "us-east-1"])
    assert asked[-1] == "DELETE /api/auth/me"
