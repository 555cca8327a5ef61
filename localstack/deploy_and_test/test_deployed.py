"""The deployed template with the real functions: accounts, sessions, signaling and relaying, end to end.

IAM is enforced by the endpoint, so every test here is also a test of the roles.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter

import boto3
import pytest

import deployment as deploying
import edge
from client import PASSWORD, Hub, Person, Signaling, call
from conftest import GRACE_SECONDS, TURN_SECRET_NAME
from turn_client import Client, Credentials

sys.path[:0] = [str(deploying.ROOT / folder) for folder in ("infra", "infra/tests", "localstack")]

import keys  # noqa: E402
import rotate_secret  # noqa: E402
import smoke  # noqa: E402
import template as cfn  # noqa: E402
from receiver import receiving  # noqa: E402

ORIGIN = "http://localhost:5173"
# API Gateway answers 401 when an authorizer fails with the text `Unauthorized`; MiniStack answers 500 whatever
# the text. The local gateway's tests hold the 401.
FORGED_STATUS = 500
# It may have to be linked first.
SUITE_SECONDS = 600
# A line may come to the log a moment after the answer that it is about.
LOG_SECONDS = 20
# From what happens to the request that tells it: the stream and two queues are asked now and then.
TOLD_SECONDS = 60
OFFER = {"type": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"}
ANSWER = {"type": "answer", "sdp": "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\n"}
CANDIDATE = {"candidate": "candidate:1 1 udp 1 127.0.0.1 50000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


def new_key(deployed, project: str) -> dict:
    """A key of an app, as its operator makes it."""
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    return keys.ask(session, deployed.stack, {"action": "create", "project": project}, f"http://{deployed.emulator.host}")["created"]


@pytest.fixture
def alice(deployed) -> Person:
    return Person(deployed.http_url).register()


@pytest.fixture
def bob(deployed) -> Person:
    return Person(deployed.http_url).register()


async def joined(person: Person, session: str, **resume) -> Signaling:
    """A person's connection, joined to a session."""
    signaling = person.join(session)["signaling"]
    connection = await Signaling.open(signaling)
    await connection.must("joinSession", sessionId=session, **resume)
    return connection


def test_the_smoke_test_of_a_deploy_passes(deployed):
    assert smoke.problems(deployed.http_url, deployed.websocket_url, ORIGIN, FORGED_STATUS) == []


def test_the_end_to_end_suite_of_the_local_gateway_passes_here_too(deployed):
    """One suite, two targets: the same compiled tests, pointed at the deployment."""
    done = subprocess.run(
        # The whole workspace, so that nothing is compiled anew with fewer features.
        ["cargo", "test", "--workspace", "--test", "scenarios"],
        cwd=deploying.ROOT, env=os.environ | {"TUNRTC_E2E_URL": deployed.http_url},
        capture_output=True, text=True, timeout=SUITE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"test result: ok\. [1-9]\d* passed", done.stdout)


# -- Accounts -------------------------------------------------------------------------------------------------


def test_an_account_lives_from_its_registration_to_its_deletion(deployed):
    person = Person(deployed.http_url).register()
    assert person.must(200, "GET", "/api/auth/me")["username"] == person.username
    assert Person(deployed.http_url, person.username).request(
        "POST", "/api/auth/register", {"username": person.username, "email": person.email, "password": PASSWORD}
    ).json()["code"] == "user_exists"
    person.login()
    first = person.auth["refreshToken"]
    second = person.must(200, "POST", "/api/auth/refresh", {"refreshToken": first})["refreshToken"]
    assert second != first
    # Of a token that was just replaced the answer may be lost: it leads to the same one again.
    assert person.must(200, "POST", "/api/auth/refresh", {"refreshToken": first})["refreshToken"] == second
    person.must(200, "POST", "/api/auth/refresh", {"refreshToken": second})
    reused = person.request("POST", "/api/auth/refresh", {"refreshToken": first})
    assert (reused.status, reused.json()["code"]) == (401, "invalid_refresh_token")

    person.login()
    changed = person.must(200, "POST", "/api/auth/password", {"currentPassword": PASSWORD, "newPassword": "another long one"})
    person.auth, person.password = changed, "another long one"
    person.login()
    person.must(204, "POST", "/api/auth/logout", {"refreshToken": person.auth["refreshToken"]})
    person.login()
    person.must(204, "DELETE", "/api/auth/me", {"password": person.password})
    gone = person.request("POST", "/api/auth/login", {"email": person.email, "password": person.password})
    assert (gone.status, gone.json()["code"]) == (401, "invalid_credentials")


def test_problems_are_problem_documents(deployed):
    answer = call(f"{deployed.http_url}/api/no-such-thing")
    assert answer.status == 404 and answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["code"] == "not_found" and answer.headers["x-request-id"] == answer.json()["requestId"]


# -- Recordings -----------------------------------------------------------------------------------------------

CLIP = deploying.ROOT / "localstack" / "gateway" / "tests" / "media" / "two-seconds.webm"


def test_what_a_participant_records_becomes_a_file_of_the_bucket(alice):
    """Every step has the role that it needs: addresses, the list, the chunks, the file and its parts, the removal."""
    session = alice.create(name="Recorded", maxParticipants=2)

    async def run():
        connection = await joined(alice, session)
        started = alice.must(201, "POST", "/api/session/recording/start", {"sessionId": session, "kind": "participant", "mimeType": "video/webm"})
        recording, url = started["recordingId"], started["uploads"][0]["url"]
        stored = urllib.request.Request(url, CLIP.read_bytes(), {"Content-Type": started["contentType"]}, method="PUT")
        with urllib.request.urlopen(stored, timeout=30) as answer:
            assert answer.status == 200
        more = alice.must(200, "POST", "/api/session/recording/uploads", {"recordingId": recording, "fromSeq": 1})
        assert more["have"] == [[0, 0]]
        alice.must(202, "POST", "/api/session/recording/finish", {"recordingId": recording, "lastSeq": 0, "durationMs": 2000})
        ready = await connection.event("recordingReady")
        assert ready["data"]["status"] == "ready", ready
        shown = alice.must(200, "GET", f"/api/recordings/{recording}")
        with urllib.request.urlopen(shown["url"], timeout=30) as answer:
            assert len(answer.read()) == shown["files"][0]["bytes"]
        assert await connection.must("reportStats", **minute_of_a_call()) == {}
        timeline = alice.must(200, "GET", f"/api/analytics/sessions/{session}")["timeline"]
        assert {"recordingStarted", "recordingStopped"} <= {each["kind"] for each in timeline}
        alice.must(204, "DELETE", f"/api/recordings/{recording}")
        assert alice.request("GET", f"/api/recordings/{recording}").status == 404

    asyncio.run(run())


# -- Sessions -------------------------------------------------------------------------------------------------


def test_a_session_is_listed_joined_left_and_ended(alice, bob):
    session = alice.create(name="Listed", maxParticipants=2)
    assert session in [each["sessionId"] for each in alice.must(200, "GET", "/api/session/active")]
    alice.join(session)
    bob.join(session)
    detail = bob.must(200, "GET", f"/api/session/{session}")
    assert detail["currentParticipants"] == 2
    third = Person(alice.http_url).register().request("POST", "/api/session/join", {"sessionId": session})
    assert (third.status, third.json()["code"]) == (409, "session_full")
    assert bob.ticket(session)["ticket"]
    bob.must(200, "POST", "/api/session/leave", {"sessionId": session})
    assert bob.request("POST", "/api/session/end", {"sessionId": session}).json()["code"] == "forbidden"
    alice.must(200, "POST", "/api/session/end", {"sessionId": session})
    assert alice.request("POST", "/api/session/join", {"sessionId": session}).json()["code"] == "session_ended"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_relay_accepts_the_credentials_that_ice_servers_hands_out(alice, turn_server, transport):
    servers = alice.must(200, "GET", "/api/iceservers")["iceServers"]
    turn = next(entry for entry in servers if "credential" in entry)
    assert turn["urls"] == [f"turn:{turn_server.host}:{turn_server.port}"]
    with Client(turn_server.host, turn_server.port, transport, Credentials(turn["username"], turn["credential"])) as client:
        assert client.allocate().code == 200


# -- Signaling ------------------------------------------------------------------------------------------------


def test_two_people_negotiate_a_call_and_talk(alice, bob):
    async def run():
        session = alice.create()
        first = await joined(alice, session)
        second = await joined(bob, session)
        assert (await first.event("userJoined"))["data"]["userId"] == bob.user_id

        sent = await first.must("sendOffer", targetUserId=bob.user_id, offer=OFFER, epoch="e", seq=1)
        assert sent["delivery"] == "sent"
        received = (await second.event("receiveOffer"))["data"]
        assert received["offer"] == OFFER and received["fromUserId"] == alice.user_id and received["signalId"] == sent["signalId"]
        await second.must("sendAnswer", targetUserId=alice.user_id, answer=ANSWER)
        assert (await first.event("receiveAnswer"))["data"]["answer"] == ANSWER
        await first.must("sendIceCandidate", targetUserId=bob.user_id, candidate=CANDIDATE)
        assert (await second.event("receiveIceCandidate"))["data"]["candidates"] == [CANDIDATE]

        message = await first.must("sendMessage", message="hello")
        for connection in (first, second):
            assert (await connection.event("receiveMessage"))["data"]["messageId"] == message["messageId"]
        assert [each["message"] for each in bob.must(200, "GET", f"/api/session/{session}/messages")] == ["hello"]
        await second.must("updateStatus", isMuted=True, isVideoEnabled=False)
        assert (await first.event("userStatusUpdated"))["data"]["isMuted"] is True
        await first.must("ping")
        stranger = await first.send("sendOffer", targetUserId=Person(alice.http_url).register().user_id, offer=OFFER)
        assert stranger["data"]["code"] == "peer_not_found"
        assert (await first.send("dance"))["data"]["code"] == "unknown_action"

        await second.must("leaveSession")
        assert (await first.event("userLeft"))["data"] == {"userId": bob.user_id, "username": bob.username, "reason": "left"}
        await second.closed()
        alice.must(200, "POST", "/api/session/end", {"sessionId": session})
        assert await first.event("sessionEnded")
        await first.closed()

    asyncio.run(run())


def test_data_calls_hands_and_attributes_reach_the_other_side(alice, bob):
    async def run():
        session = alice.create()
        first, second = await joined(alice, session), await joined(bob, session)
        await first.must("sendData", topic="cursor", payload="3,4")
        assert (await second.event("receiveData"))["data"]["payload"] == "3,4"
        await first.must("sendRpc", targetUserId=bob.user_id, rpcId="one", method="add", payload="3,4")
        assert (await second.event("receiveRpc"))["data"]["method"] == "add"
        await second.must("answerRpc", targetUserId=alice.user_id, rpcId="one", payload="7")
        assert (await first.event("receiveRpcAnswer"))["data"]["payload"] == "7"
        await first.must("raiseHand", raised=True)
        assert (await second.event("participantUpdated"))["data"]["handRaisedAt"]
        await first.must("updateAttributes", attributes={"mood": "good"})
        assert (await second.event("participantUpdated"))["data"]["attributes"] == {"mood": "good"}

    asyncio.run(run())


def test_whoever_speaks_gets_an_address_of_amazon_transcribe(alice):
    async def run():
        session = alice.create()
        await joined(alice, session)
        line = alice.must(200, "POST", f"/api/session/{session}/transcribe", {"language": "de-DE"})
        assert line["url"].startswith("wss://transcribestreaming.eu-central-1.amazonaws.com:8443/stream-transcription-websocket?")
        assert "X-Amz-Signature=" in line["url"]

    asyncio.run(run())


def minute_of_a_call() -> dict:
    """What a client reports of a minute that was middling."""
    minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())
    summary = {"startedAt": minute, "minutes": 1, "outcome": "connected", "score": 4.5, "worstScore": 3.25}
    return {"minute": minute, "run": "r", "scoreVersion": 1, "score": 3.25, "summary": summary}


def test_a_host_sees_how_good_a_call_was(alice, bob):
    report = minute_of_a_call()

    async def run():
        session = alice.create()
        first = await joined(alice, session)
        bob.join(session)
        assert await first.must("reportStats", **report) == {}
        bob.must(202, "POST", f"/api/session/{session}/stats", report | {"final": True})
        call = next(each for each in alice.must(200, "GET", "/api/analytics/sessions") if each["sessionId"] == session)
        assert (call["participants"], call["worstScore"]) == (2, 3.25)
        detail = alice.must(200, "GET", f"/api/analytics/sessions/{session}")
        assert {each["userId"] for each in detail["participants"]} == {alice.user_id, bob.user_id}
        series = alice.must(200, "GET", f"/api/analytics/sessions/{session}/series?metric=score&userId={bob.user_id}")
        assert [each["value"] for each in series["points"]] == [3.25]
        assert alice.must(200, "GET", "/api/analytics/overview")["calls"] >= 1
        assert bob.request("GET", f"/api/analytics/sessions/{session}").json()["code"] == "session_not_found"

    asyncio.run(run())


def test_a_client_of_the_hub_meets_one_of_ours(alice, bob):
    async def run():
        session = alice.create()
        first = await joined(alice, session)
        # As a stock client that skips the negotiation: the emulator has no CloudFront in front of it.
        second = await Hub.open(alice.ticket(session)["url"], bob.auth["token"])
        detail = await second.must("JoinSession", session)
        assert {each["userId"] for each in detail["participants"]} == {alice.user_id, bob.user_id}
        assert (await first.event("userJoined"))["data"]["userId"] == bob.user_id

        await first.must("sendOffer", targetUserId=bob.user_id, offer=OFFER)
        assert (await second.event("ReceiveOffer"))["offer"] == OFFER
        await second.must("SendAnswer", alice.user_id, ANSWER["sdp"])
        assert (await first.event("receiveAnswer"))["data"]["answer"] == ANSWER
        await second.must("SendMessage", "from the hub")
        assert (await first.event("receiveMessage"))["data"]["message"] == "from the hub"
        await second.must("UpdateStatus", True, False)
        assert (await first.event("userStatusUpdated"))["data"]["isMuted"] is True
        await second.send('{"type":6}')
        assert await second.record(6) == {"type": 6}

        await second.must("LeaveSession")
        assert (await first.event("userLeft"))["data"]["userId"] == bob.user_id
        await second.must("JoinSession", session)
        assert (await first.event("userJoined"))["data"]["userId"] == bob.user_id
        await second.send("not JSON")
        assert (await second.record(7))["allowReconnect"] is True
        await second.closed()

    asyncio.run(run())


def test_stock_clients_of_the_hub_work_here_too(deployed):
    """The tests of Python's and JavaScript's SignalR clients, pointed at the deployment, with a key that its operator makes."""
    made = new_key(deployed, "stock")
    with edge.running(deployed) as url:
        where = os.environ | {"TUNRTC_URL": url, "TUNRTC_API_KEY": made["key"], "TUNRTC_API_SECRET": made["secret"]}
        for command in (["sh", "localstack/hub_test/run.sh"], ["npm", "--prefix", "sdk-js", "run", "--silent", "test:hub"]):
            done = subprocess.run(command, cwd=deploying.ROOT, env=where, capture_output=True, text=True, timeout=SUITE_SECONDS)
            assert done.returncode == 0, done.stdout + done.stderr


def as_backend(deployed, key: dict, method: str, path: str, body: dict | None = None) -> dict:
    """What an app's backend asks, with its key."""
    basic = base64.b64encode(f"{key['key']}:{key['secret']}".encode()).decode()
    answer = call(f"{deployed.http_url}{path}", method, body, authorization=f"Basic {basic}")
    assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body.decode()}"
    return answer.json() if answer.body else {}


def join_token(key: dict, identity: str, room: str) -> str:
    """As an app's backend mints it (RFC 7519, HS256)."""
    now = int(time.time())
    claims = {"iss": key["key"], "sub": identity, "nbf": now, "exp": now + 600, "video": {"roomJoin": True, "room": room}}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.digest(key["secret"].encode(), b".".join(parts), "sha256")
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def told(came, secret: str) -> dict:
    """The next event that an endpoint was sent, if it is signed as Standard Webhooks says
    (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)."""
    body, headers = came.get(timeout=TOLD_SECONDS)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256")
    assert f"v1,{base64.b64encode(right).decode()}" in headers["webhook-signature"].split(" ")
    return json.loads(body)


def test_a_backend_is_told_what_happens_in_its_room(deployed):
    key = new_key(deployed, "told")

    async def stay(room: str) -> str:
        guest = Person(deployed.http_url, auth={"token": join_token(key, "alice", room)})
        answer = guest.must(200, "POST", "/api/session/join", {})
        connection = await Signaling.open(answer["signaling"])
        await connection.must("joinSession", sessionId=answer["sessionId"])
        await connection.must("leaveSession")
        return answer["sessionId"]

    types = ["session.created", "participant.joined", "participant.left", "session.ended"]
    with receiving() as (url, came):
        endpoint = as_backend(deployed, key, "POST", "/api/webhooks", {"url": url, "types": types})
        session = asyncio.run(stay("daily"))
        as_backend(deployed, key, "POST", "/api/session/end", {"sessionId": session})
        events = [told(came, endpoint["secret"]) for _ in types]
    assert [event["type"] for event in events] == types
    assert {event["data"]["session"]["sessionId"] for event in events} == {session}
    assert [event["data"]["participant"]["identity"] for event in events[1:3]] == ["alice", "alice"]
    # What was noted shows five seconds later.
    deadline = time.monotonic() + TOLD_SECONDS
    while len(noted := as_backend(deployed, key, "GET", f"/api/events?types={','.join(types)}")["events"]) < len(types):
        assert time.monotonic() < deadline, noted
        time.sleep(1)
    assert [event["id"] for event in noted] == [event["id"] for event in events]


def test_what_a_negotiation_of_the_hub_answers(alice):
    answer = alice.must(200, "POST", "/hubs/signaling/negotiate?negotiateVersion=1", {})
    assert answer["availableTransports"] == [{"transport": "WebSockets", "transferFormats": ["Text"]}]
    assert Person(alice.http_url).request("POST", "/hubs/signaling/negotiate", {}).status == 401


def test_what_was_sent_to_somebody_who_was_away_is_there_when_they_return(alice, bob):
    async def run():
        session = alice.create()
        first = await joined(alice, session)
        joined_at = bob.join(session)["participants"][-1]["joinedAt"]
        second = await joined(bob, session)
        await second.close()
        assert (await first.event("userStatusUpdated"))["data"]["status"] == "reconnecting"
        assert (await first.must("sendOffer", targetUserId=bob.user_id, offer=OFFER, epoch="e", seq=1))["delivery"] == "queued"

        back = await Signaling.open(bob.ticket(session))
        assert (await back.must("joinSession", sessionId=session, since=joined_at))["recovered"] is True
        assert (await back.event("receiveOffer"))["data"]["offer"] == OFFER
        assert (await back.must("sync", since=joined_at))["replayed"] >= 1
        assert (await first.event("userStatusUpdated"))["data"]["status"] == "connected"
        await first.close()
        await back.close()

    asyncio.run(run())


def test_a_newer_connection_takes_over_and_the_older_is_told_and_closed(alice):
    async def run():
        session = alice.create()
        older = await joined(alice, session)
        newer = await joined(alice, session)
        assert await older.event("replaced")
        await older.closed()
        await newer.must("ping")
        await newer.close()

    asyncio.run(run())


def test_an_older_attempt_that_comes_too_late_is_told_that_it_was_replaced(alice):
    async def run():
        session = alice.create()
        older, newer = alice.join(session)["signaling"], alice.ticket(session)
        live = await Signaling.open(newer)
        await live.must("ping")
        await live.must("joinSession", sessionId=session)
        late = await Signaling.open(older)
        await late.send("joinSession", sessionId=session)
        assert await late.event("replaced")
        await late.closed()
        await live.must("ping")
        await live.close()

    asyncio.run(run())


def test_somebody_who_does_not_come_back_has_left_after_the_grace(alice, bob):
    async def run():
        session = alice.create()
        first = await joined(alice, session)
        second = await joined(bob, session)
        await second.close()
        left = (await first.event("userLeft"))["data"]
        assert left == {"userId": bob.user_id, "username": bob.username, "reason": "timeout"}
        await first.close()

    asyncio.run(run())


def test_somebody_who_drops_twice_has_the_whole_grace_again(alice, bob):
    """The check that the first drop scheduled comes too early for the second, and schedules another one."""

    async def run():
        session = alice.create()
        first = await joined(alice, session)
        await (await joined(bob, session)).close()
        back = await Signaling.open(bob.ticket(session))
        await back.must("joinSession", sessionId=session)
        dropped_at = time.monotonic()
        await back.close()
        assert (await first.event("userLeft"))["data"]["reason"] == "timeout"
        assert time.monotonic() - dropped_at >= GRACE_SECONDS
        await first.close()

    asyncio.run(run())


def test_handshakes_are_refused_as_the_contract_says(deployed, alice):
    session = alice.create()
    signaling = alice.join(session)["signaling"]
    address = f"{signaling['url']}?ticket={signaling['ticket']}"
    status = lambda url, origin=ORIGIN: asyncio.run(smoke.handshake(url, origin))  # noqa: E731
    assert status(signaling["url"]) == FORGED_STATUS
    assert status(f"{signaling['url']}?ticket=forged") == FORGED_STATUS
    assert status(address, "https://elsewhere.example.com") == 403
    assert status(address) == 101
    assert status(address) == 403


def test_logging_out_closes_the_connections_of_that_sign_in(alice):
    async def run():
        session = alice.create()
        connection = await joined(alice, session)
        alice.must(204, "POST", "/api/auth/logout", {"refreshToken": alice.auth["refreshToken"]})
        await connection.closed()
        assert alice.request("POST", "/api/session/join", {"sessionId": session}).status == 401

    asyncio.run(run())


def test_deleting_an_account_ends_its_sessions(alice, bob):
    async def run():
        session = alice.create()
        connection = await joined(bob, session)
        await joined(alice, session)
        alice.must(204, "DELETE", "/api/auth/me", {"password": PASSWORD})
        assert await connection.event("sessionEnded")
        await connection.closed()

    asyncio.run(run())


# -- In the background ------------------------------------------------------------------------------------------


def test_the_sweep_ends_sessions_that_stay_empty(deployed, alice):
    session = alice.create()
    time.sleep(2.5)
    event = {"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "000000000000",
             "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [], "detail": {}}
    answer = deployed.emulator.client("lambda").invoke(FunctionName=f"{deployed.stack}-participant_expiry", Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert alice.must(200, "GET", f"/api/session/{session}")["status"] == "ended"


def test_nothing_lies_in_the_dead_letter_queue(deployed):
    attributes = deployed.emulator.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs["DeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"


# -- Operations -------------------------------------------------------------------------------------------------


def test_rotating_the_secret_logs_nobody_out(deployed, alice):
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

    def step(name: str) -> str:
        return rotate_secret.rotate(session, deployed.stack, "token", name, f"http://{deployed.emulator.host}")

    signed_before = alice.auth
    assert step("status") == "accept"
    assert step("accept") == "sign"
    assert alice.request("GET", "/api/auth/me").status == 200
    assert step("sign") == "retire"
    assert alice.request("GET", "/api/auth/me").status == 200
    signed_after = alice.login().auth
    assert step("retire") == "accept"
    assert alice.request("GET", "/api/auth/me").status == 200
    alice.auth = signed_before
    assert alice.request("GET", "/api/auth/me").status == 401
    alice.auth = signed_after


def test_a_rotation_of_the_turn_secret_reaches_the_api(deployed, alice):
    manager = deployed.emulator.client("secretsmanager")
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    for name in ("accept", "sign", "retire"):
        rotate_secret.rotate(session, deployed.stack, "turn", name, f"http://{deployed.emulator.host}")
    current = json.loads(manager.get_secret_value(SecretId=TURN_SECRET_NAME)["SecretString"])["current"]
    turn = next(entry for entry in alice.must(200, "GET", "/api/iceservers")["iceServers"] if "credential" in entry)
    digest = hmac.new(current.encode(), turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(digest).decode()


def test_connections_survive_an_update_of_every_function(deployed, alice, bob):
    cloudformation = deployed.emulator.client("cloudformation")

    def update(seconds: str) -> None:
        stack = cloudformation.describe_stacks(StackName=deployed.stack)["Stacks"][0]
        rotate_secret.change_parameter(cloudformation, stack, "HeartbeatSeconds", seconds)

    async def run():
        session = alice.create()
        first, second = await joined(alice, session), await joined(bob, session)
        await asyncio.to_thread(update, "120")
        sent = await first.must("sendOffer", targetUserId=bob.user_id, offer=OFFER)
        assert sent["delivery"] == "sent"
        assert (await second.event("receiveOffer"))["data"]["signalId"] == sent["signalId"]
        newcomer = await Signaling.open(bob.ticket(session))
        assert (await newcomer.must("joinSession", sessionId=session))["heartbeatSeconds"] == 120
        await asyncio.to_thread(update, "240")
        await first.must("ping")
        await first.close()
        await newcomer.close()

    asyncio.run(run())


def test_a_restored_table_takes_the_place_of_the_stacks_own_and_gives_it_back(deployed, alice):
    """The commands of docs/DEPLOYMENT.md, section 7."""
    cloudformation, tables = (deployed.emulator.client(service) for service in ("cloudformation", "dynamodb"))

    def use(table: str) -> None:
        stack = cloudformation.describe_stacks(StackName=deployed.stack)["Stacks"][0]
        rotate_secret.change_parameter(cloudformation, stack, "RestoredTable", table)

    restored = f"{deployed.outputs['TableName']}-restored"
    tables.restore_table_to_point_in_time(
        SourceTableName=deployed.outputs["TableName"], TargetTableName=restored, UseLatestRestorableTime=True
    )
    later = Person(deployed.http_url).register()
    use(restored)
    alice.login()
    session = alice.create()
    assert session in [each["sessionId"] for each in alice.must(200, "GET", "/api/session/active")]
    wrong = later.request("POST", "/api/auth/login", {"email": later.email, "password": later.password})
    assert (wrong.status, wrong.json()["code"]) == (401, "invalid_credentials")
    use("")
    later.login()


# -- Metrics ----------------------------------------------------------------------------------------------------


def test_the_functions_count_what_the_dashboard_shows(deployed, alice, bob):
    async def run():
        session = alice.create()
        first, second = await joined(alice, session), await joined(bob, session)
        await first.must("sendOffer", targetUserId=bob.user_id, offer=OFFER)
        await first.close()
        await second.close()

    before = counted(deployed)
    asyncio.run(run())
    assert alice.request("POST", "/api/auth/login", {"email": alice.email, "password": "not-a-password"}).status == 401
    wanted = {"Connections": 2, "Relays": 1, "LoginsRefused": 1}
    deadline = time.monotonic() + LOG_SECONDS
    while (more := counted(deployed) - before) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    assert more == wanted


def counted(deployed) -> Counter[str]:
    """How often each metric was counted, in lines as the specification of CloudWatch's embedded format wants them."""
    found: Counter[str] = Counter()
    for name in ("ws_connect", "ws_signal", "auth_login"):
        for line in (json.loads(text) for text in logged(deployed, name) if '"_aws"' in text):
            [directive] = line["_aws"]["CloudWatchMetrics"]
            [metric] = directive["Metrics"]
            assert (directive["Namespace"], directive["Dimensions"], metric["Unit"]) == ("TunRTC", [["Stack"]], "Count")
            assert (line["Stack"], line["_aws"]["Timestamp"] > 1_700_000_000_000) == (deployed.stack, True)
            found[metric["Name"]] += line[metric["Name"]]
    return found


def logged(deployed, name: str) -> list[str]:
    """What a function wrote: JSON lines, without Lambda's own."""
    pages = deployed.emulator.client("logs").get_paginator("filter_log_events")
    events = pages.paginate(logGroupName=f"/aws/lambda/{deployed.stack}-{name}")
    return [event["message"] for page in events for event in page["events"] if event["message"].startswith("{")]


# -- Counts -----------------------------------------------------------------------------------------------------


def test_a_signal_costs_one_write_and_one_read(deployed, alice, bob):
    """The counts on which docs/COST.md is built. The first signal of a connection reads its sender as well."""
    key, signals = access_key(deployed, "ws_signal"), 5

    def counted() -> dict[str, set[str]]:
        names = ("PutItem", "GetItem", "UpdateItem", "Query", "TransactWriteItems")
        return {name: {event["EventId"] for event in calls(deployed, key, name)} for name in names}

    async def run():
        session = alice.create()
        first, second = await joined(alice, session), await joined(bob, session)
        await first.must("sendOffer", targetUserId=bob.user_id, offer=OFFER)
        before = counted()
        for _ in range(signals):
            sent = await first.must("sendIceCandidate", targetUserId=bob.user_id, candidate=CANDIDATE)
            assert sent["delivery"] == "sent"
        after = counted()
        await first.close()
        await second.close()
        return {name: len(after[name] - before[name]) for name in after}

    assert asyncio.run(run()) == {"PutItem": signals, "GetItem": signals, "UpdateItem": 0, "Query": 0, "TransactWriteItems": 0}


# -- Privileges -------------------------------------------------------------------------------------------------


def test_nothing_was_denied_and_every_privilege_was_used(deployed):
    """Runs last. The endpoint enforces the roles and records the calls: the roles hold what was used, no more."""
    # An authorizer says 401 by failing: that is the one failure that is none.
    lines = [(name, json.loads(text)) for name in cfn.functions() for text in logged(deployed, name)]
    assert [(name, line) for name, line in lines if line["level"] == "ERROR" and line["message"] != "Unauthorized"] == []
    assert not re.search(r"AccessDenied|not authorized to perform", deployed.emulator.log.read_text())
    used = recorded(deployed)
    unused = {
        name: sorted(held - used.get(name, set()) - RARE.get(name, set()))
        for name, held in privileges().items()
        if held - used.get(name, set()) - RARE.get(name, set())
    }
    assert unused == {}


# Privileges for what these tests do not bring about, each with the place where it is needed.
# delivery::deliver reads the participant again, keeps an event of presence in the inbox, and has the target nudged.
AFTER_A_PUSH_THAT_FAILED = {"GetItem", "PutItem", "SendMessage"}
NEAR_THE_END_OF_A_LEASE = {"UpdateItem"}  # JoinedCache::check renews it
WHERE_A_LOGIN_ENDS_MEANWHILE = {"DeleteItem"}  # admission takes the connection off the log again
WHERE_A_WRITER_IS_GONE = {"DeleteItem"}  # chat::send takes the message back
WITHOUT_A_SEAT = {"Query"}  # sessions::ticket looks why there is none
FOR_SOMEBODY_WHO_LEFT_UNTOLD = {"DeleteItem"}  # Members::told takes the participant out of the roster
FOR_SOMEBODY_WHO_LEFT_MEANWHILE = {"DeleteItem"}  # relay::relay takes back what nobody will read
WHEN_A_REQUEST_COMES_AGAIN = {"Query"}  # sessions::create finds what its Idempotency-Key has created
AFTER_A_DELETION_THAT_WAS_INTERRUPTED = {"BatchWriteItem", "DeleteItem"}  # erasure::finish, a minute later
OF_A_NAMED_ROOM = {"DeleteItem"}  # Endings::forget_active gives its name back
BY_A_JOIN_TOKEN = {"GetItem"}  # Callers::verify_token reads the API key
BY_THE_OPERATOR = {"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"}  # keys.py
IN_A_WAITING_ROOM = {"DeleteItem"}  # waiting::give_up: localstack/gateway/tests/controls
STEERING = {"DeleteItem", "GetItem", "Query", "UpdateItem"}  # no host steers here: localstack/gateway/tests/controls
BY_AN_API_KEY = {"UpdateItem"}  # quotas::count_call counts the calls of an app's backend
OF_AN_APPS_PROJECT = {"DeleteItem"}  # announcing notes what is over
OF_A_ROOM_THAT_IS_ANOTHERS = {"Query"}  # sessions::find looks at the session before it refuses
IN_STREAMS = {"StartStreamTranscriptionWebSocket"}  # what is signed is used by the page, and nothing here streams
OF_WEBHOOKS = {"GetItem", "PutItem", "SendMessage", "UpdateItem"}  # what is tried again or later, or replayed: localstack/gateway/tests/webhooks
OF_A_BACKEND = {"DeleteItem", "GetItem", "PutItem", "Query", "SendMessage", "UpdateItem"}  # localstack/gateway/tests/webhooks
BY_THE_STREAM = {"DescribeStream", "GetRecords", "GetShardIterator"}  # Lambda itself reads it, and the endpoint asks no role for that
WHERE_THE_CHEAP_READ_IS_OLD = {"GetItem"}  # quality::session_of asks again before it refuses
WHERE_IS_RECORDED = {"BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "SendMessage", "UpdateItem"}  # localstack/gateway/tests/recordings
OF_ACCOUNTS_THAT_RECORDED = {"BatchGetItem", "PutItem", "SendMessage", "UpdateItem"}  # recordings::erase
RARE = {
    "analytics": BY_AN_API_KEY,
    "api_keys": BY_THE_OPERATOR,
    "auth_delete": AFTER_A_PUSH_THAT_FAILED | OF_ACCOUNTS_THAT_RECORDED,
    "auth_logout": AFTER_A_PUSH_THAT_FAILED,
    "auth_password": AFTER_A_PUSH_THAT_FAILED | FOR_SOMEBODY_WHO_LEFT_UNTOLD,
    "hub_negotiate": BY_A_JOIN_TOKEN,
    "ice_servers": BY_AN_API_KEY,
    "participant_expiry": AFTER_A_PUSH_THAT_FAILED | AFTER_A_DELETION_THAT_WAS_INTERRUPTED | OF_ACCOUNTS_THAT_RECORDED,
    "recording_compose": WHERE_IS_RECORDED,
    "recording_files": WHERE_IS_RECORDED,
    "recording_upload": WHERE_IS_RECORDED,
    "session_active": BY_AN_API_KEY,
    "session_create": WHEN_A_REQUEST_COMES_AGAIN | OF_A_NAMED_ROOM,
    "session_end": OF_A_NAMED_ROOM,
    "session_get": BY_AN_API_KEY,
    "session_join": AFTER_A_PUSH_THAT_FAILED | FOR_SOMEBODY_WHO_LEFT_UNTOLD,
    "session_invites": BY_AN_API_KEY,
    "session_leave": AFTER_A_PUSH_THAT_FAILED,
    "session_messages": BY_AN_API_KEY,
    "session_moderate": STEERING | AFTER_A_PUSH_THAT_FAILED,
    "session_participants": STEERING,
    "session_say": STEERING | AFTER_A_PUSH_THAT_FAILED,
    "session_transcribe": OF_A_ROOM_THAT_IS_ANOTHERS | IN_STREAMS,
    "session_ticket": WITHOUT_A_SEAT,
    "session_update": STEERING | AFTER_A_PUSH_THAT_FAILED,
    "usage_get": {"GetItem", "Query"} | BY_AN_API_KEY,  # for an API key
    "user_revoke": {"DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem", "SendMessage"},  # eviction::revoke, for an API key
    "ws_authorizer": BY_A_JOIN_TOKEN,
    "ws_connect": WHERE_A_LOGIN_ENDS_MEANWHILE,
    "ws_data": AFTER_A_PUSH_THAT_FAILED | NEAR_THE_END_OF_A_LEASE | FOR_SOMEBODY_WHO_LEFT_MEANWHILE,
    "ws_disconnect": AFTER_A_PUSH_THAT_FAILED | IN_A_WAITING_ROOM,
    "ws_hub": AFTER_A_PUSH_THAT_FAILED | NEAR_THE_END_OF_A_LEASE | WHERE_A_WRITER_IS_GONE,
    "ws_join": AFTER_A_PUSH_THAT_FAILED | FOR_SOMEBODY_WHO_LEFT_UNTOLD,
    "ws_leave": AFTER_A_PUSH_THAT_FAILED,
    "webhook_endpoints": OF_A_BACKEND,
    "webhook_events": OF_A_BACKEND,
    "webhook_fanout": OF_WEBHOOKS | OF_AN_APPS_PROJECT | BY_THE_STREAM,
    "webhook_send": OF_WEBHOOKS,
    "ws_moderate": STEERING | AFTER_A_PUSH_THAT_FAILED,
    "ws_stats": WHERE_THE_CHEAP_READ_IS_OLD,
    "ws_status": AFTER_A_PUSH_THAT_FAILED,
    "ws_signal": AFTER_A_PUSH_THAT_FAILED | NEAR_THE_END_OF_A_LEASE,
    "ws_message": AFTER_A_PUSH_THAT_FAILED | NEAR_THE_END_OF_A_LEASE | WHERE_A_WRITER_IS_GONE,
    "ws_sync": AFTER_A_PUSH_THAT_FAILED | NEAR_THE_END_OF_A_LEASE,
}


def privileges() -> dict[str, set[str]]:
    """Actions on the table and the queue, by function. @connections is not recorded by the endpoint."""
    return {
        name: {
            action.split(":")[1]
            for statement in cfn.statements(cfn.role_of(function))
            for action in cfn.as_list(statement["Action"])
            if action.startswith("dynamodb:") or action == "sqs:SendMessage"
        }
        for name, function in cfn.functions().items()
    }


def recorded(deployed) -> dict[str, set[str]]:
    """Of the actions that each function's role holds, those that it was seen to use."""
    return {
        name: {action for action in held if was_used(deployed, access_key(deployed, name), action)}
        for name, held in privileges().items()
    }


# What a transaction needs permission for is what is in it.
IN_A_TRANSACTION = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


def was_used(deployed, key: str, action: str) -> bool:
    """Whether the endpoint recorded this action, by itself or in a transaction."""
    if calls(deployed, key, action):
        return True
    kind = IN_A_TRANSACTION.get(action)
    return kind is not None and any(f'"{kind}"' in event["CloudTrailEvent"] for event in calls(deployed, key, "TransactWriteItems"))


def calls(deployed, key: str, name: str) -> list[dict]:
    """The last 50 calls of one name by one access key: the endpoint gives no more, and has no pages."""
    attributes = [{"AttributeKey": "AccessKeyId", "AttributeValue": key}, {"AttributeKey": "EventName", "AttributeValue": name}]
    return deployed.emulator.client("cloudtrail").lookup_events(LookupAttributes=attributes)["Events"]


def access_key(deployed, name: str) -> str:
    """The access key that the endpoint gives to a function for its role."""
    configuration = deployed.emulator.client("lambda").get_function_configuration(FunctionName=f"{deployed.stack}-{name}")
    digest = hashlib.sha256(f"{configuration['FunctionArn']}:{configuration['Role']}".encode()).hexdigest()
    return f"ASIA{digest[:16].upper()}"
