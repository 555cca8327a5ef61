"""API keys of a deployment, for whoever may invoke its function for them (`lambda:InvokeFunction` on STACK-api_keys).

    keys.py create --project NAME    a new key; its secret is shown this once
    keys.py list [--project NAME]    the keys of a project, or of all
    keys.py disable KEY              within 30 s nothing of it is accepted any more

`tunrtc keys` does the same for a local server's data, with the same code.
"""

import argparse
import json
import os
import sys

import boto3
import botocore.exceptions


class Refused(Exception):
    """Why the function did nothing, as one line."""


def ask(session: boto3.Session, stack: str, command: dict, endpoint: str | None = None) -> dict:
    """Has a command carried out. `endpoint` is an emulator's address, in tests."""
    function = session.client("lambda", endpoint_url=endpoint)
    answered = function.invoke(FunctionName=f"{stack}-api_keys", Payload=json.dumps(command).encode())
    answer = json.loads(answered["Payload"].read())
    if "FunctionError" in answered:
        raise Refused(answer.get("errorMessage") or "the function failed: its log says why")
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer


def command(options: argparse.Namespace) -> dict:
    """What the function is sent; what was not given is not in it."""
    if options.action == "disable":
        return {"action": "disable", "key": options.key}
    if options.action == "list":
        wanted = {"project": options.project}
    else:
        wanted = {
            "project": options.project,
            "grants": options.grant,
            "roomPrefix": options.room_prefix,
            "maxTokenSeconds": options.max_token_seconds,
            "endsAt": options.ends_at,
            "autoCreate": False if options.no_auto_create else None,
        }
    return {"action": options.action} | {name: value for name, value in wanted.items() if value is not None}


def shown(answer: dict) -> str:
    """An answer for people: a new key as two lines of a .env file, a list as a line each."""
    if made := answer.get("created"):
        return f"TUNRTC_API_KEY={made['key']}\nTUNRTC_API_SECRET={made['secret']}"
    if "keys" in answer:
        return "\n".join(line(key) for key in answer["keys"])
    return f"{answer['disabled']} is disabled"


def line(key: dict) -> str:
    state = f"disabled {key['disabledAt']}" if "disabledAt" in key else f"ends {key['endsAt']}" if "endsAt" in key else "active"
    return f"{key['key']}  {key['project']}  {key['createdAt']}  {state}"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="keys", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default=os.environ.get("STACK", "tunrtc"))
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"))
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create")
    create.add_argument("--project", required=True, help="1-40 characters of a-z, 0-9 and -")
    create.add_argument("--grant", action="append", help="roomJoin, roomCreate, roomAdmin or roomList; all without it")
    create.add_argument("--room-prefix", help="how the names of its rooms begin")
    create.add_argument("--max-token-seconds", type=int, help="the longest life of its tokens, at most 86400")
    create.add_argument("--ends-at", help="when it ends by itself, such as 2027-01-01T00:00:00Z")
    create.add_argument("--no-auto-create", action="store_true", help="a join makes no room, unless its token has roomCreate")
    listing = actions.add_parser("list")
    listing.add_argument("--project")
    disable = actions.add_parser("disable")
    disable.add_argument("key")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        print(shown(ask(boto3.Session(region_name=options.region), options.stack, command(options))))
    except (Refused, botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as reason:
        print(f"keys.py: {reason}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
