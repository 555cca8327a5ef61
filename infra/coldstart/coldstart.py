"""Times the cold start of every function outside AWS and weighs its package.

    python infra/coldstart/coldstart.py BINARIES [--runs 20] [--share] [--only NAMES] [--json FILE] [--check]

BINARIES is a folder of built functions, one folder each: target/lambda, as `deploy.py build` leaves it.
`init` is exec to the first poll, `first` the first invocation with its calls to an endpoint on this machine
that answers at once; medians, in milliseconds. `--share` repeats both with the part of one core that Lambda
gives to the function's memory, where this machine lets a control group be made. `--check` fails when a goal
is missed: on a whole core 4 ms for `init`, and for `first` where it makes no more than two calls, and
5,000,000 bytes for every package.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

INFRA = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(INFRA))

from package import MAX_ZIP_BYTES, ROOTS, zipped_bytes  # noqa: E402
from runtime_api import Failed, Timing, cold_start  # noqa: E402

WHOLE_CORE_MB = 1769
GOAL_MS = 4.0
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "TUNRTC_TABLE": "tunrtc",
    "TUNRTC_SECRET": "a-secret-for-measuring-cold-starts-and-nothing-else-whatever",
    "TUNRTC_SIGNALING_URL": "wss://example.com/ws",
    "TUNRTC_ALLOWED_ORIGINS": "https://app.example.com",
    "TUNRTC_STUN_URLS": "stun:stun.example.com:3478",
    "TUNRTC_LOG": "json",
    "TUNRTC_METRICS_STACK": "bench",
    "SSL_CERT_FILE": str(ROOTS),
}
SESSION = "01a1ed5c-8600-7000-8000-000000000004"
USER = "01a1ed5c-8600-7000-8000-000000000001"
FAMILY = "01a1ed5c-8600-7000-8000-000000000002"
TICKET = "01a1ed5c-8600-7000-8000-000000000003"


def http_event(key: str, body: dict | None = None, token: str | None = None) -> dict:
    """An HTTP API event, payload 2.0."""
    method, path = key.split() if " " in key else ("GET", "/no-such-route")
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    event = {
        "version": "2.0", "routeKey": key, "rawPath": path.replace("{sessionId}", SESSION).replace("{userId}", USER), "rawQueryString": "",
        "headers": headers, "isBase64Encoded": False,
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "a.execute-api.us-east-1.amazonaws.com", "domainPrefix": "a",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench"},
            "requestId": "r", "routeKey": key, "stage": "$default", "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1773342238000,
        },
    }
    if "{sessionId}" in key:
        event["pathParameters"] = {"sessionId": SESSION} | ({"userId": USER} if "{userId}" in key else {})
    if body is not None:
        event["body"] = json.dumps(body)
    return event


def websocket_event(key: str, data: dict | None = None) -> dict:
    """A WebSocket API event of a connection that the authorizer let in."""
    kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(key, "MESSAGE")
    event = {
        "isBase64Encoded": False,
        "requestContext": {
            "routeKey": key, "eventType": kind, "messageId": "m", "requestId": "r", "extendedRequestId": "r", "stage": "ws",
            "connectedAt": 1773342238000, "requestTimeEpoch": 1773342238000, "requestTime": "12/Mar/2026:19:03:58 +0000",
            "messageDirection": "IN", "domainName": "b.execute-api.us-east-1.amazonaws.com", "apiId": "b",
            "connectionId": "JKUdbfKHoAMCJEA=", "identity": {"sourceIp": "192.0.2.1", "userAgent": "bench"},
            "authorizer": {
                "principalId": USER, "userId": USER, "username": "bench", "sessionId": SESSION, "ticketId": TICKET,
                "attempt": "1", "familyId": FAMILY, "accessExpiresAt": "4102444800000",
            },
        },
    }
    if kind == "MESSAGE":
        event["body"] = json.dumps({"action": key, "id": "1", "data": data or {}})
    else:
        event["headers"] = {"Host": "b.execute-api.us-east-1.amazonaws.com"}
    return event


def authorizer_event() -> dict:
    context = websocket_event("$connect")["requestContext"] | {"authorizer": None}
    arn = "arn:aws:execute-api:us-east-1:1:b/ws/$connect"
    return {"type": "REQUEST", "methodArn": arn, "headers": {}, "multiValueHeaders": {}, "queryStringParameters": {"ticket": "forged"},
            "multiValueQueryStringParameters": {"ticket": ["forged"]}, "stageVariables": {}, "requestContext": context}


def stream_record() -> dict:
    """What the table's stream says when somebody's first connection has joined."""
    texts = {"pk": f"SESSION#{SESSION}", "sk": f"PARTICIPANT#{USER}", "username": "bench", "membership": "seated", "presence": "connected"}
    numbers = {"joinedAt": "1", "connectedAt": "2", "happened": "2", "stay": "1"}
    image = {name: {"S": text} for name, text in texts.items()} | {name: {"N": number} for name, number in numbers.items()}
    return {"eventID": "1", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "1", "NewImage": image}}


def event_of(name: str, function: dict, grant: dict) -> dict:
    """An event that takes the function as far as its first calls to the table.

    `grant` is the answer of a registration: the tokens that functions ask for.
    """
    signal = {"targetUserId": USER, "offer": {"type": "offer", "sdp": "v=0"}}
    bodies = {
        "auth_register": {"username": "bench", "email": "bench@example.com", "password": "correct horse"},
        "auth_login": {"email": "bench@example.com", "password": "correct horse"},
        "auth_refresh": {"refreshToken": grant.get("refreshToken")}, "auth_logout": {"refreshToken": grant.get("refreshToken")},
        "auth_password": {"currentPassword": "correct horse", "newPassword": "battery staple"},
        "auth_delete": {"password": "correct horse"}, "session_create": {"name": "Bench"},
        **{each: {"sessionId": SESSION} for each in ("session_join", "session_ticket", "session_leave", "session_end")},
        "session_update": {"locked": True}, "session_say": {"message": "hello"}, "session_moderate": {"kind": "audio"},
        "ws_join": {"sessionId": SESSION}, "ws_signal": signal, "ws_message": {"message": "hello"},
        "ws_status": {"isMuted": False, "isVideoEnabled": True}, "ws_moderate": {"targetUserId": USER, "role": "viewer"}, "ws_sync": {"since": "2026-01-01T00:00:00.000Z"},
    }
    if name == "ws_authorizer":
        return authorizer_event()
    if name == "api_keys":
        return {"action": "list"}
    if name == "webhook_fanout":
        return {"Records": [stream_record()]}
    if name == "webhook_send":
        letter = {"webhookId": USER, "eventId": "evt_1", "kind": "participant.joined", "projectId": "default", "body": "{}"}
        return {"Records": [{"messageId": "1", "body": json.dumps(letter), "attributes": {"ApproximateReceiveCount": "1"}}]}
    if name == "recording_compose":
        # One that nobody knows: its objects would be removed, where there is a bucket.
        return {"Records": [{"messageId": "1", "body": json.dumps({"sessionId": USER, "recordingId": USER})}]}
    if name == "participant_expiry":
        return {"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1",
                "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [], "detail": {}}
    key = function["routes"][0]
    if name.startswith("ws_"):
        return websocket_event(key, bodies.get(name))
    return http_event(key, bodies.get(name), grant.get("token"))


@contextmanager
def share(memory: int):
    """A control group that gives what runs in it the part of one core that Lambda gives to this memory.

    The quota is the smallest that the kernel takes, 1 ms, so that a function of a few milliseconds feels it
    as evenly as possible.
    """
    quota = 1000
    period = max(quota, round(quota * WHOLE_CORE_MB / memory))
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    group = Path("/sys/fs/cgroup" if unified else "/sys/fs/cgroup/cpu") / f"tunrtc-bench-{os.getpid()}"
    group.mkdir()
    try:
        if unified:
            (group / "cpu.max").write_text(f"{quota} {period}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        yield group
    finally:
        group.rmdir()


def can_share() -> bool:
    """Whether a control group with a part of a core can be made here: root on Linux can, as a rule."""
    try:
        with share(WHOLE_CORE_MB):
            return True
    except OSError:
        return False


def program_of(folder: Path, name: str) -> Path:
    return folder / name / "bootstrap"


@dataclass
class Function:
    """What is started, and the times that it took."""

    name: str
    program: Path
    memory: int
    event: dict
    whole: list[Timing] = field(default_factory=list)
    shared: list[Timing] = field(default_factory=list)

    def row(self) -> dict:
        row = {
            "function": self.name, "memoryMb": self.memory, "zippedBytes": zipped_bytes(self.program), "calls": self.whole[0].calls,
            "initMs": median(self.whole, "init"), "firstMs": median(self.whole, "invoke"),
        }
        if self.shared:
            row |= {"initShareMs": median(self.shared, "init"), "firstShareMs": median(self.shared, "invoke")}
        return row


def median(timings: list[Timing], what: str) -> float:
    return round(statistics.median(getattr(timing, what) for timing in timings), 2)


def tokens(table: dict, folder: Path, output) -> dict:
    """The answer of a registration: tokens as the real thing makes them, for the functions that ask for one."""
    event = event_of("auth_register", table["functions"]["auth_register"], {})
    timing = cold_start(program_of(folder, "auth_register"), event, ENVIRONMENT, WHOLE_CORE_MB, None, output)
    return json.loads(timing.answer["body"])


def bench(table: dict, names: list[str], folder: Path, runs: int, shared: bool) -> list[dict]:
    """One row per function. They take turns, so that a machine that is busy for a moment is so for all of them."""
    with tempfile.TemporaryFile() as output:
        grant = tokens(table, folder, output)
        of = table["functions"]
        functions = [Function(name, program_of(folder, name), table["sizes"][of[name]["size"]], event_of(name, of[name], grant)) for name in names]
        for function in functions * runs:
            start = (function.program, function.event, ENVIRONMENT, function.memory)
            function.whole.append(cold_start(*start, None, output))
            if shared:
                with share(function.memory) as group:
                    function.shared.append(cold_start(*start, group, output))
    return [function.row() for function in functions]


def missed(row: dict) -> list[str]:
    """The goals that a function misses, each in words."""
    # More calls are more work than a start: a sweep reads every shard of the index, a login hashes a password.
    times = {"init": row["initMs"]} | ({"first": row["firstMs"]} if len(row["calls"]) <= 2 else {})
    slow = [f"{row['function']}: {what} took {ms} ms, goal {GOAL_MS} ms" for what, ms in times.items() if ms > GOAL_MS]
    large = [f"{row['function']}: {row['zippedBytes']} bytes zipped, goal {MAX_ZIP_BYTES}"] if row["zippedBytes"] > MAX_ZIP_BYTES else []
    return slow + large


def show(rows: list[dict]) -> None:
    print(f"{'function':20} {'MB':>5} {'zip KB':>7} {'init':>7} {'first':>7} {'init@share':>11} {'first@share':>12}  calls of the first invocation")
    for row in rows:
        print(
            f"{row['function']:20} {row['memoryMb']:5} {row['zippedBytes'] / 1000:7.0f} {row['initMs']:7.2f} {row['firstMs']:7.2f} "
            f"{row.get('initShareMs', float('nan')):11.2f} {row.get('firstShareMs', float('nan')):12.2f}  {', '.join(row['calls'])}"
        )
    problems = [problem for row in rows for problem in missed(row)]
    print("\n".join(problems) or "Every goal is met.")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="coldstart", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--share", action="store_true")
    parser.add_argument("--only", help="comma list of functions; all without it")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    table = yaml.safe_load((INFRA / "functions.yaml").read_text())
    names = options.only.split(",") if options.only else list(table["functions"])
    missing = [name for name in dict.fromkeys(["auth_register", *names]) if not program_of(options.binaries, name).is_file()]
    if missing:
        print(f"coldstart.py: not in {options.binaries}: {', '.join(missing)}; build them first: infra/deploy.py build", file=sys.stderr)
        return 2
    if options.share and not can_share():
        print("coldstart.py: no control group can be made here, so there are no figures for a part of a core", file=sys.stderr)
        options.share = False
    try:
        rows = bench(table, names, options.binaries.resolve(), options.runs, options.share)
    except Failed as reason:
        print(f"coldstart.py: {reason}", file=sys.stderr)
        return 1
    show(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return int(options.check and any(missed(row) for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
