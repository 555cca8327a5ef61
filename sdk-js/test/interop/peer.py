"""A participant that shares no code with the SDK: Python, aiohttp and aiortc, over nothing but the contract.

Joins a session, sends a synthetic picture, counts what it receives, and says on standard output, one JSON object a
line, what happens. Ends when standard input closes.
"""

import asyncio
import itertools
import json
import sys
from dataclasses import dataclass, field

import aiohttp
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp

REPORT_EVERY_FRAMES = 10


def say(event: str, **data: object) -> None:
    print(json.dumps({"event": event, **data}), flush=True)


@dataclass
class Participant:
    """One stay in one session."""

    socket: aiohttp.ClientWebSocketResponse
    ice: RTCConfiguration
    peers: dict[str, RTCPeerConnection] = field(default_factory=dict)
    counters: set[asyncio.Task] = field(default_factory=set)
    frame_ids: itertools.count = field(default_factory=lambda: itertools.count(1))

    async def send(self, action: str, **data: object) -> None:
        await self.socket.send_json({"action": action, "id": str(next(self.frame_ids)), "data": data})

    def peer(self, user_id: str) -> RTCPeerConnection:
        """The connection to somebody, with this side's picture, sound and the SDK's channel on it."""
        if user_id not in self.peers:
            connection = self.peers[user_id] = RTCPeerConnection(self.ice)
            connection.createDataChannel("tunrtc", negotiated=True, id=0)
            connection.addTrack(AudioStreamTrack())
            connection.addTrack(VideoStreamTrack())
            connection.on("track", self.received)
            connection.on("connectionstatechange", lambda: say("state", state=connection.connectionState))
        return self.peers[user_id]

    def received(self, track) -> None:
        task = asyncio.create_task(count(track))
        self.counters.add(task)
        task.add_done_callback(self.counters.discard)

    async def offer(self, user_id: str) -> None:
        connection = self.peer(user_id)
        await connection.setLocalDescription(await connection.createOffer())
        await self.send("sendOffer", targetUserId=user_id, offer=described(connection))

    async def handle(self, frame: dict) -> None:
        event, data = frame["event"], frame["data"]
        if event == "receiveOffer":
            connection = self.peer(data["fromUserId"])
            await connection.setRemoteDescription(RTCSessionDescription(**data["offer"]))
            await connection.setLocalDescription(await connection.createAnswer())
            await self.send("sendAnswer", targetUserId=data["fromUserId"], answer=described(connection))
        elif event == "receiveAnswer":
            await self.peer(data["fromUserId"]).setRemoteDescription(RTCSessionDescription(**data["answer"]))
        elif event == "receiveIceCandidate":
            for candidate in data["candidates"]:
                await self.add_candidate(self.peer(data["fromUserId"]), candidate)
        elif event == "receiveMessage":
            say("message", text=data["message"], sender=data["fromUsername"])
        elif event == "error":
            say("error", code=data["code"])

    async def add_candidate(self, connection: RTCPeerConnection, candidate: dict) -> None:
        parsed = candidate_from_sdp(candidate["candidate"].removeprefix("candidate:"))
        parsed.sdpMid, parsed.sdpMLineIndex = candidate.get("sdpMid"), candidate.get("sdpMLineIndex")
        await connection.addIceCandidate(parsed)

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self.peers.values()))


def described(connection: RTCPeerConnection) -> dict[str, str]:
    return {"type": connection.localDescription.type, "sdp": connection.localDescription.sdp}


async def count(track) -> None:
    for frames in itertools.count(1):
        try:
            await track.recv()
        except MediaStreamError:
            return
        if frames % REPORT_EVERY_FRAMES == 0:
            say("frames", kind=track.kind, frames=frames)


async def call(http: aiohttp.ClientSession, path: str, body: dict, token: str = "") -> dict:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with http.post(path, json=body, headers=headers) as response:
        response.raise_for_status()
        return await response.json()


def configuration(servers: list[dict]) -> RTCConfiguration:
    return RTCConfiguration(
        [RTCIceServer(server["urls"], server.get("username"), server.get("credential")) for server in servers]
    )


async def main(url: str, email: str, password: str, session_id: str) -> None:
    async with aiohttp.ClientSession(url) as http:
        auth = await call(http, "/api/auth/login", {"email": email, "password": password})
        joined = await call(http, "/api/session/join", {"sessionId": session_id}, auth["token"])
        signaling = joined["signaling"]
        async with http.ws_connect(f"{signaling['url']}?ticket={signaling['ticket']}") as socket:
            participant = Participant(socket, configuration(joined["iceServers"]))
            await participant.send("joinSession", sessionId=session_id)
            ack = (await socket.receive_json())["data"]
            # The newcomer offers to those who are there.
            for other in ack["session"]["participants"]:
                if other["userId"] != auth["userId"] and other["status"] == "connected":
                    await participant.offer(other["userId"])
            await participant.send("sendMessage", message="hello from aiortc")
            say("joined")
            listening = asyncio.create_task(listen(participant))
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
            await participant.send("leaveSession")
            listening.cancel()
            await participant.close()


async def listen(participant: Participant) -> None:
    async for message in participant.socket:
        await participant.handle(json.loads(message.data))


asyncio.run(main(*sys.argv[1:]))
