"""A client of TunRTC's contract, as small as it can be: what a person does over REST and over signaling."""

import asyncio
import itertools
import json
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import websockets

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

from smoke import Answer, call  # noqa: E402

PASSWORD = "correct horse battery"
FRAME_SECONDS = 20


@dataclass
class Person:
    """An account and the tokens of its last sign-in."""

    http_url: str
    username: str = field(default_factory=lambda: f"user-{uuid.uuid4().hex[:12]}")
    password: str = PASSWORD
    auth: dict = field(default_factory=dict)

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"

    @property
    def user_id(self) -> str:
        return self.auth["userId"]

    def request(self, method: str, path: str, body: dict | None = None) -> Answer:
        bearer = {"authorization": f"Bearer {self.auth['token']}"} if self.auth else {}
        return call(f"{self.http_url}{path}", method, body, **bearer)

    def must(self, status: int, method: str, path: str, body: dict | None = None):
        """A request whose status is known; its answer's JSON."""
        answer = self.request(method, path, body)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.body.decode()}"
        return answer.json() if answer.body else None

    def register(self) -> "Person":
        self.auth = self.must(201, "POST", "/api/auth/register", {"username": self.username, "email": self.email, "password": self.password})
        return self

    def login(self) -> "Person":
        self.auth = self.must(200, "POST", "/api/auth/login", {"email": self.email, "password": self.password})
        return self

    def create(self, **options) -> str:
        return self.must(201, "POST", "/api/session/create", {"name": "Stand-up"} | options)["sessionId"]

    def join(self, session: str) -> dict:
        return self.must(200, "POST", "/api/session/join", {"sessionId": session})

    def ticket(self, session: str) -> dict:
        return self.must(200, "POST", "/api/session/ticket", {"sessionId": session})


class Signaling:
    """One connection. Events that come before an answer are kept for `event`."""

    def __init__(self, socket):
        self.socket = socket
        self.events: list[dict] = []
        self.ids = itertools.count(1)

    @classmethod
    async def open(cls, signaling: dict, origin: str | None = None) -> "Signaling":
        """Connects with the address and the ticket of an answer."""
        return cls(await websockets.connect(f"{signaling['url']}?ticket={signaling['ticket']}", origin=origin))

    async def send(self, action: str, **data) -> dict:
        """Sends a frame and returns its answer, ack or error."""
        identifier = str(next(self.ids))
        await self.socket.send(json.dumps({"action": action, "id": identifier, "data": data}))
        while True:
            frame = await self.receive()
            if frame.get("id") == identifier:
                return frame
            self.events.append(frame)

    async def must(self, action: str, **data) -> dict:
        """Sends a frame that must be acknowledged; the ack's data."""
        answer = await self.send(action, **data)
        assert answer["event"] == "ack", answer
        return answer["data"]

    async def event(self, name: str) -> dict:
        """The next event of this name; others are dropped."""
        while True:
            frame = self.events.pop(0) if self.events else await self.receive()
            if frame["event"] == name:
                return frame

    async def receive(self) -> dict:
        return json.loads(await asyncio.wait_for(self.socket.recv(), FRAME_SECONDS))

    async def closed(self) -> int:
        """Waits until the server closes the connection; the close code."""
        await asyncio.wait_for(self.socket.wait_closed(), FRAME_SECONDS)
        return self.socket.close_code

    async def close(self) -> None:
        await self.socket.close()


class Hub:
    """A connection of the hub, as SignalR's clients speak it."""

    SEPARATOR = "\x1e"

    def __init__(self, socket):
        self.socket = socket
        self.records: list[dict] = []
        self.ids = itertools.count(1)

    @classmethod
    async def open(cls, url: str, token: str) -> "Hub":
        """Connects with an access token in the query, and shakes hands."""
        hub = cls(await websockets.connect(f"{url}?access_token={token}"))
        await hub.send('{"protocol":"json","version":1}')
        assert await hub.receive() == {}
        return hub

    async def send(self, record: str) -> None:
        await self.socket.send(record + self.SEPARATOR)

    async def receive(self) -> dict:
        """The next record of a frame."""
        if not self.records:
            frame = await asyncio.wait_for(self.socket.recv(), FRAME_SECONDS)
            self.records = [json.loads(record) for record in frame.split(self.SEPARATOR) if record]
        return self.records.pop(0)

    async def record(self, kind: int, **fields) -> dict:
        """The next record of that type with these fields; others are dropped, but not events."""
        kept = []
        while True:
            record = await self.receive()
            if record.get("type") == kind and all(record.get(name) == value for name, value in fields.items()):
                self.records = kept + self.records
                return record
            if record.get("type") == 1:
                kept.append(record)

    async def must(self, method: str, *arguments):
        """Calls a method that must succeed; its result."""
        identifier = str(next(self.ids))
        await self.send(json.dumps({"type": 1, "invocationId": identifier, "target": method, "arguments": arguments}))
        answer = await self.record(3, invocationId=identifier)
        assert "error" not in answer, answer
        return answer["result"]

    async def event(self, target: str) -> dict:
        """The data of the next event of that name."""
        return (await self.record(1, target=target))["arguments"][0]

    async def closed(self) -> int:
        await asyncio.wait_for(self.socket.wait_closed(), FRAME_SECONDS)
        return self.socket.close_code
