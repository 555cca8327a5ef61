"""Rotates a secret of a deployment without logging anyone out and without refusing anybody's credentials.

    rotate_secret.py accept      a new secret is made; every function verifies with it, none signs with it
    rotate_secret.py sign        every function signs with the new one, and still verifies with the old
    rotate_secret.py retire      the old one is forgotten; after the last token signed with it has ended (24 h)
    rotate_secret.py status      which step comes next

Three steps, because a deployment reaches the functions one after the other: a token must never be signed by
one function with a secret that another does not know yet. Between the steps nothing has to be done in a hurry.

Before the old one is forgotten, the secrets of API keys that are sealed under it are sealed under the new one.

`--which turn` rotates the secret that the API shares with coturn, in the same steps: restart coturn (Session
Manager: `systemctl restart coturn`) after `accept` and after `retire`; `retire` may follow once the
last credentials made before `sign` have expired (12 h).
"""

import argparse
import json
import os
import secrets
import sys

import boto3
import botocore.exceptions

import keys

# The state that each step starts from, and the one it leaves behind.
STEPS = {"accept": "idle", "sign": "accepting", "retire": "signing"}
LEAVES = {"accept": "accepting", "sign": "signing", "retire": "idle"}
# Parameter that names the version the functions read, by secret.
VERSION = {"token": "TokenSecretVersion", "turn": "TurnSecretVersion"}


class Stop(Exception):
    """A reason to stop, as one line that says what to do."""


def state(value: dict[str, str]) -> str:
    """Where a rotation stands: idle, accepting (a new secret is known), signing (the new one is in use)."""
    return value.get("state") or "idle"


def turned(step: str, value: dict[str, str]) -> dict[str, str]:
    """The secret after a step. Raises Stop when another step comes first."""
    if state(value) != STEPS[step]:
        following = next(name for name, before in STEPS.items() if before == state(value))
        raise Stop(f"the next step is {following}, not {step}")
    if step == "accept":
        return {"current": value["current"], "previous": secrets.token_hex(32), "state": "accepting"}
    if step == "sign":
        return {"current": value["previous"], "previous": value["current"], "state": "signing"}
    return {"current": value["current"], "previous": "", "state": "idle"}


def secret_id(stack: dict, which: str) -> str:
    """The secret's ARN, from the description of the stack."""
    if which == "token":
        return next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "TokenSecretArn")
    arn = parameter(stack, "TurnSecretArn")
    if not arn:
        raise Stop("this stack has no TURN secret: it was deployed without TURN")
    return arn


def parameter(stack: dict, name: str) -> str:
    return next(each["ParameterValue"] for each in stack["Parameters"] if each["ParameterKey"] == name)


def change_parameter(cloudformation, stack: dict, name: str, value: str) -> None:
    """Deploys the present template with another value of one parameter, and waits until every function has it."""
    kept = [
        {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
        for each in stack["Parameters"]
        if each["ParameterKey"] != name
    ]
    cloudformation.update_stack(
        StackName=stack["StackName"],
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[*kept, {"ParameterKey": name, "ParameterValue": value}],
    )
    try:
        waiter = cloudformation.get_waiter("stack_update_complete")
        waiter.wait(StackName=stack["StackName"], WaiterConfig={"Delay": 2, "MaxAttempts": 900})
    except botocore.exceptions.WaiterError:
        raise Stop("the stack was not updated and rolled back: its events say why; then run the same step again") from None


def rotate(session: boto3.Session, stack_name: str, which: str, step: str, endpoint: str | None = None) -> str:
    """Takes one step and returns the step that comes next. `endpoint` is an emulator's address, in tests."""
    cloudformation = session.client("cloudformation", endpoint_url=endpoint)
    manager = session.client("secretsmanager", endpoint_url=endpoint)
    stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    identifier = secret_id(stack, which)
    stored = manager.get_secret_value(SecretId=identifier)
    value, version = json.loads(stored["SecretString"]), stored["VersionId"]
    deployed = parameter(stack, VERSION[which])
    # The functions read the current version by name, or, before any rotation, without one.
    behind = deployed != version and (deployed or state(value) != "idle")
    if step != "status" and not (behind and state(value) == LEAVES[step]):
        if behind:
            raise Stop("the last step did not reach the functions: run it again first")
        value = turned(step, value)
        if step == "retire" and which == "token":
            keys.ask(session, stack_name, {"action": "reseal"}, endpoint)
        version = manager.put_secret_value(SecretId=identifier, SecretString=json.dumps(value))["VersionId"]
    if step != "status":
        change_parameter(cloudformation, stack, VERSION[which], version)
    return next(name for name, before in STEPS.items() if before == state(value))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="rotate_secret", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=[*STEPS, "status"])
    parser.add_argument("--which", choices=list(VERSION), default="token")
    parser.add_argument("--stack", default=os.environ.get("STACK", "tunrtc"))
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"))
    options = parser.parse_args(arguments)
    try:
        following = rotate(boto3.Session(region_name=options.region), options.stack, options.which, options.step)
    except (Stop, keys.Refused) as reason:
        print(f"rotate_secret.py: {reason}", file=sys.stderr)
        return 2
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        print(f"rotate_secret.py: {error}", file=sys.stderr)
        return 2
    print(f"next step: {following}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
