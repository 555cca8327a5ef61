"""The operator's command for what the TURN server relayed: which log it reads, and what it sends."""

import datetime
import io
import json
import sys

import template as cfn

sys.path.insert(0, str(cfn.INFRA))

import turn_usage  # noqa: E402

NOW = datetime.datetime(2026, 11, 29, 15, tzinfo=datetime.UTC)
LOG = (cfn.INFRA.parent / "coturn" / "tests" / "usage.txt").read_text().splitlines()


class FakeSession:
    """A session whose log group has streams, and whose function takes whatever it is sent."""

    def __init__(self, streams: dict[str, tuple[datetime.datetime, list[str]]]) -> None:
        self.streams, self.asked, self.sent = streams, [], []

    def client(self, service: str, endpoint_url: str | None = None) -> "FakeSession":
        assert service in ("lambda", "logs")
        return self

    def get_paginator(self, name: str) -> "FakeSession":
        return self

    def paginate(self, logGroupName: str, logStreamNames: list[str] | None = None, filterPattern: str = "") -> list[dict]:
        self.asked.append((logGroupName, logStreamNames))
        if logStreamNames is None:
            ingested = {name: at.timestamp() * 1000 for name, (at, _) in self.streams.items()}
            return [{"logStreams": [{"logStreamName": name, "lastIngestionTime": at}]} for name, at in ingested.items()]
        lines = [line for line in self.streams[logStreamNames[0]][1] if filterPattern.strip('"') in line]
        # A page each, as CloudWatch may cut them.
        return [{"events": [{"message": line}]} for line in lines]

    def invoke(self, FunctionName: str, Payload: bytes) -> dict:
        command = json.loads(Payload)
        self.sent.append((FunctionName, command))
        return {"Payload": io.BytesIO(json.dumps({"noted": len(command["allocations"])}).encode())}


def test_each_run_of_the_server_is_read_whole_if_it_had_something_to_say_lately():
    hour = datetime.timedelta(hours=1)
    session = FakeSession({"old": (NOW - 30 * hour, LOG), "recent": (NOW - hour, LOG), "quiet": (NOW, [])})
    assert turn_usage.feed(session, "tunrtc", "turn", NOW - 24 * hour) == (2, 2)
    assert [streams for _, streams in session.asked] == [None, ["recent"], ["quiet"]]
    assert {group for group, _ in session.asked} == {"/tunrtc/turn"}
    [(function, command)] = session.sent
    assert (function, command["action"]) == ("tunrtc-api_keys", "turnUsage")
    assert [each["bytes"] for each in command["allocations"]] == [1_554_844, 6_150_000]


def test_many_allocations_are_sent_in_parts():
    line = LOG[4].replace("session 001000000000000001", "session {:018d}")
    many = [line.format(number) for number in range(turn_usage.MOST_ALLOCATIONS + 1)]
    session = FakeSession({"one": (NOW, many)})
    assert turn_usage.feed(session, "tunrtc", "turn", NOW)[0] == len(many)
    assert [len(command["allocations"]) for _, command in session.sent] == [turn_usage.MOST_ALLOCATIONS, 1]
