"""pysignalr and signalrcore, unchanged, in one session: on the local server, or where TUNRTC_URL says, with the API key
TUNRTC_API_KEY and its TUNRTC_API_SECRET."""

import asyncio
import json
import os
import queue
import re
import sys
import urllib.request
import uuid
from pathlib import Path

import pytest
from pysignalr.client import SignalRClient
from signalrcore.hub_connection_builder import HubConnectionBuilder

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "localstack"))

import local_server  # noqa: E402

PATIENCE = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if url := os.environ.get("TUNRTC_URL"):
        yield url
        return
    with local_server.running(tmp_path_factory.mktemp("server") / "log", {**os.environ, "TUNRTC_STUN_URLS": "none"}) as address:
        yield address


def call(server: str, path: str, body: dict, token: str | None = None) -> dict:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(server + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def token_of(server: str, name: str) -> str:
    """The access token of an account that is made for it."""
    account = {"username": name, "email": f"{name}@example.com", "password": "correct horse battery"}
    return call(server, "/api/auth/register", account)["token"]


def join_token(identity: str, room: str) -> str:
    """A token by docs/APPS.md's backend in Python, with the key of a server without data or the one that was given."""
    sample = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "APPS.md").read_text(), re.DOTALL).group(1)
    backend: dict = {}
    exec(sample, backend)
    key = os.environ.get("TUNRTC_API_KEY", "devkey")
    secret = os.environ.get("TUNRTC_API_SECRET", "tunrtc-development-secret-0123456789")
    return backend["join_token"](key, secret, identity, identity, room)


class Core:
    """signalrcore, which calls back on threads of its own."""

    def __init__(self, server: str, token: str):
        self.heard: queue.Queue = queue.Queue()
        opened: queue.Queue = queue.Queue()
        self.connection = HubConnectionBuilder().with_url(
            f"{server}/hubs/signaling", options={"access_token_factory": lambda: token}).build()
        self.connection.on_open(lambda: opened.put(True))
        self.connection.on("ReceiveMessage", lambda arguments: self.heard.put(arguments[0]))
        self.connection.start()
        opened.get(timeout=PATIENCE)

    def invoke(self, method: str, *arguments):
        answers: queue.Queue = queue.Queue()
        self.connection.send(method, list(arguments), answers.put)
        answer = answers.get(timeout=PATIENCE)
        assert answer.error is None, answer.error
        return answer.result


async def in_time(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE)


async def chat(server: str, names: list[str], tokens: list[str], session: str) -> None:
    core = await asyncio.to_thread(Core, server, tokens[0])
    joined = await asyncio.to_thread(core.invoke, "JoinSession", session)
    assert [each["username"] for each in joined["participants"]] == names[:1]

    # pysignalr sends its token from the second connection on only, so it stands in the address.
    client = SignalRClient(f"{server}/hubs/signaling?access_token={tokens[1]}")
    opened, heard, answers = asyncio.Event(), asyncio.Queue(), asyncio.Queue()

    async def open_() -> None:
        opened.set()

    async def hear(arguments) -> None:
        await heard.put(arguments[0])

    async def answer(message) -> None:
        await answers.put(message)

    client.on_open(open_)
    client.on("ReceiveMessage", hear)
    # It tells refused calls apart from answered ones.
    client.on_error(answer)
    running = asyncio.create_task(client.run())
    try:
        await in_time(opened.wait())
        await client.send("JoinSession", [session], answer)
        joined = await in_time(answers.get())
        assert {each["username"] for each in joined.result["participants"]} == set(names)
        await client.send("SendMessage", ["from pysignalr"], answer)
        assert (await in_time(answers.get())).error is None
        assert (await asyncio.to_thread(core.heard.get, True, PATIENCE))["message"] == "from pysignalr"
        await asyncio.to_thread(core.invoke, "SendMessage", "from signalrcore")
        assert [(await in_time(heard.get()))["message"] for _ in range(2)] == ["from pysignalr", "from signalrcore"]
        await client.send("SendOffer", ["nobody", "v=0"], answer)
        assert "HubException: peer_not_found: " in (await in_time(answers.get())).error
    finally:
        running.cancel()
        await asyncio.to_thread(core.connection.stop)


@pytest.fixture
def names() -> list[str]:
    return [f"{name}-{uuid.uuid4().hex[:12]}" for name in ("core", "py")]


def test_pysignalr_and_signalrcore_hear_each_other(server, names):
    tokens = [token_of(server, name) for name in names]
    session = call(server, "/api/session/create", {"name": "Python"}, tokens[1])["sessionId"]
    asyncio.run(chat(server, names, tokens, session))


def test_users_of_an_app_meet_in_the_room_of_their_tokens(server, names):
    asyncio.run(chat(server, names, [join_token(name, "daily") for name in names], "daily"))


def test_a_token_of_the_documents_backend_joins_over_rest(server, names):
    joined = call(server, "/api/session/join", {}, join_token(names[0], "weekly"))
    assert (joined["room"], joined["participants"][0]["identity"]) == ("weekly", names[0])
