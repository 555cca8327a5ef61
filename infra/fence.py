"""Asks a deployed stage whether it can still be written to a connection right after it was deleted.

    infra/.venv/bin/python infra/fence.py [--stack tunrtc] [--region eu-central-1]

The fence of durable signaling rests on the answer (docs/SIGNALING.md, rule 3): once DELETE @connections has returned, a
POST has to be answered 410, at once and every time. AWS documents neither; so ask your own stage. Exit status 1 and one
line per write that was taken. It makes an account and a session for itself, and deletes them again.
"""

import argparse
import asyncio
import json
import sys
import uuid
from collections.abc import Callable

import boto3
import websockets

import deploy
from smoke import TIMEOUT_SECONDS, call

ROUNDS = 20
PASSWORD = "only for a moment: " + uuid.uuid4().hex


class Visitor:
    """An account of its own in a session of its own."""

    def __init__(self, http_url: str):
        self.http_url = http_url
        name = f"fence-{uuid.uuid4().hex[:12]}"
        account = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        self.auth: dict = {}
        self.auth = self.ask("POST", "/api/auth/register", account)
        self.session = self.ask("POST", "/api/session/create", {"name": "fence", "visibility": "unlisted"})["sessionId"]
        self.ask("POST", "/api/session/join", {"sessionId": self.session})

    def ask(self, method: str, path: str, body: dict) -> dict:
        bearer = {"authorization": f"Bearer {self.auth['token']}"} if self.auth else {}
        answer = call(f"{self.http_url}{path}", method, body, **bearer)
        deploy.require(answer.status < 300, f"{method} {path} was answered {answer.status}")
        return answer.json() if answer.body else {}

    async def connect(self) -> websockets.ClientConnection:
        """A connection that has joined the session."""
        signaling = self.ask("POST", "/api/session/ticket", {"sessionId": self.session})
        socket = await websockets.connect(f"{signaling['url']}?ticket={signaling['ticket']}", open_timeout=TIMEOUT_SECONDS)
        await socket.send(json.dumps({"action": "joinSession", "id": "1", "data": {"sessionId": self.session}}))
        await asyncio.wait_for(answered(socket, "1"), TIMEOUT_SECONDS)
        return socket

    def leave(self) -> None:
        self.ask("DELETE", "/api/auth/me", {"password": PASSWORD})


async def answered(socket: websockets.ClientConnection, frame: str) -> None:
    """Waits for the answer to a frame; events may come before it."""
    while json.loads(await socket.recv()).get("id") != frame:
        pass


def writes_taken(visitor: Visitor, connection_of: Callable[[str, str], str], management, rounds: int = ROUNDS) -> int:
    """How many of `rounds` connections could be written to right after they were deleted.

    `connection_of(session, user)` is API Gateway's name of the live connection; `management` a client of @connections.
    """

    async def one_round() -> bool:
        socket = await visitor.connect()
        connection = connection_of(visitor.session, visitor.auth["userId"])
        management.delete_connection(ConnectionId=connection)
        try:
            management.post_to_connection(ConnectionId=connection, Data=b"{}")
            return True
        except management.exceptions.GoneException:
            return False
        finally:
            await socket.close()

    return sum(asyncio.run(one_round()) for _ in range(rounds))


def live_connection(table) -> Callable[[str, str], str]:
    """Reads the participant's row; the key is that of shared/store/src/keys.rs."""

    def connection_of(session: str, user: str) -> str:
        key = {"pk": f"SESSION#{session}", "sk": f"PARTICIPANT#{user}"}
        return table.get_item(Key=key, ConsistentRead=True)["Item"]["liveConnection"]

    return connection_of


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Whether a deleted connection can still be written to.")
    parser.add_argument("--stack", default="tunrtc")
    parser.add_argument("--region")
    options = parser.parse_args(arguments)
    aws = boto3.Session(region_name=options.region)
    made = deploy.outputs(aws, options.stack)
    management = aws.client("apigatewaymanagementapi", endpoint_url=made["WebSocketApiUrl"].replace("wss://", "https://", 1))
    visitor = Visitor(made["HttpApiUrl"])
    try:
        taken = writes_taken(visitor, live_connection(aws.resource("dynamodb").Table(made["TableName"])), management)
    finally:
        visitor.leave()
    print(f"{ROUNDS - taken} of {ROUNDS} writes to a deleted connection were answered 410.")
    return 1 if taken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
