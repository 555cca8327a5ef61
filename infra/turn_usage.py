"""What the TURN server relayed, from its log at CloudWatch into the ledger behind `GET /api/usage`.

    turn_usage.py --turn-stack NAME [--hours N]

For whoever may read that log (`logs:FilterLogEvents`) and invoke the deployment's function for operators (`lambda:InvokeFunction` on
STACK-api_keys): by hand, or each hour by cron. The server writes what it relayed with the parameter `UsageLog=yes` of coturn.yaml. Streams that had
something to say within the hours are read from their beginning, so that the same allocation is added up whole and counts once.

`tunrtc turn-usage` does the same with a file, for a local server's data.
"""

import argparse
import datetime
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import boto3
import botocore.exceptions

import keys

# `turn_log.rs` reads the same; coturn/tests/usage.txt holds both to it.
LINE = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}): session (?P<session>\d+): usage: realm=<[^>]*>, "
    r"username=<(?P<expiry>\d+):(?P<user>[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})>, "
    r"rp=\d+, rb=(?P<received>\d+), sp=\d+, sb=(?P<sent>\d+)"
)
# So many fit into one command.
MOST_ALLOCATIONS = 500


@dataclass
class Allocation:
    """What was relayed for one user over one allocation."""

    name: str
    user: str
    began: datetime.datetime
    count: int

    def command(self) -> dict:
        return {"allocation": self.name, "userId": self.user, "began": self.began.isoformat(), "bytes": self.count}


def read(lines: Iterable[str]) -> list[Allocation]:
    """What a log says from its beginning on: each line counts what is new since the one before."""
    found: dict[tuple[str, str], Allocation] = {}
    for line in lines:
        if not (said := LINE.match(line)):
            continue
        name, user = f"{said['session']}-{said['expiry']}", said["user"]
        began = datetime.datetime.strptime(said["at"], "%Y-%m-%dT%H:%M:%S%z")
        allocation = found.setdefault((name, user), Allocation(name, user, began, 0))
        allocation.count += int(said["received"]) + int(said["sent"])
    return [allocation for allocation in found.values() if allocation.count]


def streams(logs, group: str, since: datetime.datetime) -> list[list[str]]:
    """The lines of each stream, which is one run of coturn, that had something to say since then."""
    described = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
    recent = since.timestamp() * 1000
    names = [
        stream["logStreamName"] for page in described for stream in page["logStreams"] if stream.get("lastIngestionTime", 0) >= recent
    ]

    def lines(name: str) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNames=[name], filterPattern='"usage: realm"'
        )
        return [event["message"] for page in pages for event in page["events"]]

    return [lines(name) for name in names]


def feed(session: boto3.Session, stack: str, turn_stack: str, since: datetime.datetime, endpoint: str | None = None) -> tuple[int, int]:
    """Adds what the log says to the ledger: how many allocations are in it, and of how many. `endpoint` is an emulator's, in tests."""
    logs = session.client("logs", endpoint_url=endpoint)
    allocations = [each for lines in streams(logs, f"/tunrtc/{turn_stack}", since) for each in read(lines)]
    noted = 0
    for first in range(0, len(allocations), MOST_ALLOCATIONS):
        part = [each.command() for each in allocations[first : first + MOST_ALLOCATIONS]]
        noted += keys.ask(session, stack, {"action": "turnUsage", "allocations": part}, endpoint)["noted"]
    return noted, len(allocations)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="turn_usage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default=os.environ.get("STACK", "tunrtc"))
    parser.add_argument("--turn-stack", required=True, help="the stack of coturn.yaml")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"))
    parser.add_argument("--hours", type=int, default=24, help="how far back a stream must have said something; 24 if not given")
    options = parser.parse_args(arguments)
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=options.hours)
    try:
        noted, found = feed(boto3.Session(region_name=options.region), options.stack, options.turn_stack, since)
    except (keys.Refused, botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as reason:
        print(f"turn_usage.py: {reason}", file=sys.stderr)
        return 2
    print(f"{noted} of {found} allocations are in the ledger")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
