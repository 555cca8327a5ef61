"""Times a chat message to a hundred people, ten of whom are gone, in the function that is deployed for it.

    python infra/coldstart/broadcast.py BINARIES [--runs 10] [--push-ms 25] [--check]

BINARIES is a folder of built functions, as for coldstart.py. `ws_message` is started anew for each run, with the part of a core
that Lambda gives to its memory, and speaks TLS to a table and `@connections` on this machine (peer.py): what is timed is its first
invocation, from the event to the answer, with every connection that it opens. A push is answered after `--push-ms` milliseconds.
`--check` fails when the slowest run took longer than a second, or more than 16 pushes were on their way at once.
"""

import argparse
import statistics
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import yaml

INFRA = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(INFRA / "coldstart"))

import coldstart  # noqa: E402
import peer  # noqa: E402
from runtime_api import Failed, cold_start  # noqa: E402

FUNCTION = "ws_message"
PEOPLE, GONE = 100, 10
GOAL_MS, PUSHES_AT_ONCE = 1000, 16
# The connection that coldstart's event comes from.
SENDER = coldstart.websocket_event("sendMessage")["requestContext"]["connectionId"]
FAR = str(4_102_444_800_000)


def user(number: int) -> str:
    return coldstart.USER[:-3] + f"{number + 1:03}"


def seat(number: int) -> dict:
    """Somebody who is in the session, as the table holds them; the first one says something, the next ones are gone."""
    connection = SENDER if number == 0 else f"{peer.GONE if number <= GONE else 'there'}{number}="
    texts = {
        "pk": f"SESSION#{coldstart.SESSION}", "sk": f"PARTICIPANT#{user(number)}", "username": f"person{number}", "membership": "seated",
        "presence": "connected", "liveConnection": connection, "loginFamily": coldstart.FAMILY,
    }
    numbers = {"attempt": "1", "tickets": "1", "stay": "1", "joinedAt": "1", "connectedAt": "2", "leaseUntil": FAR, "unheardLease": FAR}
    item = {name: {"S": text} for name, text in texts.items()} | {name: {"N": text} for name, text in numbers.items()}
    return item | {"isMuted": {"BOOL": False}, "isVideoEnabled": {"BOOL": True}, "unfenced": {"SS": [connection]}}


def session() -> dict:
    texts = {
        "pk": f"SESSION#{coldstart.SESSION}", "sk": "META", "sessionName": "Bench", "kind": "videoCall", "visibility": "public",
        "creatorId": coldstart.USER, "creatorUsername": "person0",
    }
    numbers = {"createdAt": "1", "touchedAt": "1", "seats": str(PEOPLE), "maxSeats": str(PEOPLE)}
    return {name: {"S": text} for name, text in texts.items()} | {name: {"N": number} for name, number in numbers.items()}


SEATS = [seat(number) for number in range(PEOPLE)]
ITEMS = {item["sk"]["S"]: item for item in [session(), *SEATS]}


def stored(operation: str, request: dict) -> dict:
    """What the table, and the queue, answer."""
    if operation == "Query":
        return {"Items": list(ITEMS.values()), "Count": len(ITEMS), "ScannedCount": len(ITEMS)}
    item = ITEMS.get(request.get("Key", {}).get("sk", {}).get("S"))
    if item is None:
        return {}
    return {"Item": item} if operation == "GetItem" else {"Attributes": item}


def runs(program: Path, memory: int, count: int, push_seconds: float) -> tuple[list[float], peer.Seen]:
    """How long each run took, in milliseconds, and what the peer saw of all of them."""
    event = coldstart.websocket_event("sendMessage", {"message": "hello"})
    shared = coldstart.can_share()
    if not shared:
        print("broadcast.py: no control group can be made here: the function has a whole core", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output, peer.served(Path(folder), stored, push_seconds) as aws:
        environment = coldstart.ENVIRONMENT | {
            "AWS_ENDPOINT_URL": aws.url, "TUNRTC_CONNECTIONS_ENDPOINT": f"{aws.url}/ws", "TUNRTC_DELAY_QUEUE_URL": f"{aws.url}/1/queue",
            "SSL_CERT_FILE": f"{folder}/ca.pem",
        }
        took = []
        for _ in range(count):
            with coldstart.share(memory) if shared else nullcontext() as group:
                timing = cold_start(program, event, environment, memory, group, output)
            if timing.answer.get("statusCode") != 200 or '"error"' in timing.answer.get("body", ""):
                output.seek(0)
                raise Failed(f"the message was not taken: {timing.answer}\n{output.read().decode()}")
            took.append(timing.invoke)
        return took, aws.seen()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="broadcast", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--push-ms", type=float, default=25)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    program = coldstart.program_of(options.binaries.resolve(), FUNCTION)
    if not program.is_file():
        print(f"broadcast.py: not in {options.binaries}: {FUNCTION}; build it first: infra/deploy.py build", file=sys.stderr)
        return 2
    table = yaml.safe_load((INFRA / "functions.yaml").read_text())
    memory = table["sizes"][table["functions"][FUNCTION]["size"]]
    try:
        took, seen = runs(program, memory, options.runs, options.push_ms / 1000)
    except Failed as reason:
        print(f"broadcast.py: {reason}", file=sys.stderr)
        return 1
    print(
        f"a chat message to {PEOPLE}, {GONE} of them gone, {memory} MB, a push takes {options.push_ms:g} ms: median {statistics.median(took):.0f} ms, "
        f"longest {max(took):.0f} ms of {len(took)}; {seen.pushes / len(took):g} pushes, at most {seen.at_once} at once"
    )
    return int(options.check and (max(took) > GOAL_MS or seen.at_once > PUSHES_AT_ONCE))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
