"""Asks a deployment the few questions whose answers show that every part of it is connected.

    python infra/smoke.py HTTP_URL SIGNALING_URL ORIGIN

Exit status 1 and one line per wrong answer. It leaves nothing behind but a counter of refused logins, which
expires by itself.
"""

import asyncio
import json
import sys
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass

import websockets

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


def call(url: str, method: str = "GET", body: dict | None = None, **headers: str) -> Answer:
    """One HTTP request; an error status is an answer like any other."""
    request = urllib.request.Request(url, method=method, headers={name.replace("_", "-"): value for name, value in headers.items()})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return Answer(response.status, lowered(response.headers), response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, lowered(error.headers), error.read())


def lowered(headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def handshake(url: str, origin: str) -> int:
    """The status with which a WebSocket handshake is answered; 101 when it succeeds."""
    try:
        async with websockets.connect(url, origin=origin, open_timeout=TIMEOUT_SECONDS):
            return 101
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


def problems(http_url: str, signaling_url: str, origin: str, forged_status: int = 401) -> list[str]:
    """One sentence for each answer that is not the expected one; empty when all are.

    `forged_status` is the answer to a handshake that the authorizer refuses, without a ticket or with a forged one: 401 on AWS.
    """
    found = []

    def expect(what: str, got, wanted) -> None:
        if got != wanted:
            found.append(f"{what}: expected {wanted!r}, got {got!r}")

    health = call(f"{http_url}/health")
    expect("GET /health", health.status, 200)
    if health.status == 200:
        expect("GET /health status", health.json().get("status"), "healthy")
    unknown = call(f"{http_url}/no-such-route")
    expect("an unknown route", unknown.status, 404)
    # Reaches the table, through the function's role and over TLS with the roots that it was shipped with.
    stranger = {"email": f"{uuid.uuid4()}@example.com", "password": "not-a-password"}
    login = call(f"{http_url}/api/auth/login", "POST", stranger)
    expect("a login of a stranger", login.status, 401)
    if login.status == 401:
        expect("a login of a stranger, code", login.json().get("code"), "invalid_credentials")
    expect("GET /api/auth/me without a token", call(f"{http_url}/api/auth/me").status, 401)
    preflight = call(f"{http_url}/api/auth/login", "OPTIONS", origin=origin, access_control_request_method="POST")
    expect("a preflight's allowed origin", preflight.headers.get("access-control-allow-origin"), origin)
    expect("a handshake without a ticket", asyncio.run(handshake(signaling_url, origin)), forged_status)
    expect("a handshake with a forged ticket", asyncio.run(handshake(f"{signaling_url}?ticket=forged", origin)), forged_status)
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print("smoke.py: usage: smoke.py HTTP_URL SIGNALING_URL ORIGIN", file=sys.stderr)
        return 2
    found = problems(*arguments)
    for problem in found:
        print(f"smoke.py: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
