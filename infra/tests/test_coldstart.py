"""The cold start harness, with a function of a few lines whose times are known."""

import sys

import pytest

import template as cfn

sys.path.insert(0, str(cfn.INFRA / "coldstart"))

import coldstart  # noqa: E402
import runtime_api  # noqa: E402

# A function in Python: it starts, makes one call to the table, and answers with what it was given.
FUNCTION = f"""#!{sys.executable}
import json, os, time, urllib.request

def send(url, data=None, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers))

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
if os.environ.get("BROKEN"):
    send(api + "init/error", b'{{"errorMessage": "TUNRTC_TABLE is not set"}}')
    time.sleep(60)
event = send(api + "invocation/next")
request = event.headers["lambda-runtime-aws-request-id"]
send(os.environ["AWS_ENDPOINT_URL"], b"{{}}", **{{"x-amz-target": "DynamoDB_20120810.GetItem"}}).read()
time.sleep(0.2)
send(api + "invocation/" + request + "/response", event.read())
time.sleep(60)
"""


@pytest.fixture
def function(tmp_path):
    program = tmp_path / "function"
    program.write_text(FUNCTION)
    program.chmod(0o755)
    return program


def start(function, tmp_path, **environment):
    with (tmp_path / "output").open("w") as output:
        return runtime_api.cold_start(function, {"asked": 1}, {"PATH": "/usr/bin:/bin"} | environment, 128, None, output)


def test_init_and_the_first_invocation_are_timed_apart(function, tmp_path):
    timing = start(function, tmp_path)
    assert timing.answer == {"asked": 1}
    assert timing.calls == ["GetItem"]
    # It sleeps 200 ms after its call: that is in the invocation, and not in init.
    assert timing.invoke >= 200 and timing.init > 0


def test_a_function_that_does_not_start_is_said_so_with_its_reason(function, tmp_path):
    with pytest.raises(runtime_api.Failed, match="TUNRTC_TABLE is not set"):
        start(function, tmp_path, BROKEN="1")


def test_a_control_group_that_cannot_be_joined_is_said_so(function, tmp_path):
    with (tmp_path / "output").open("w") as output, pytest.raises(runtime_api.Failed, match="could not be joined"):
        runtime_api.cold_start(function, {}, {"PATH": "/usr/bin:/bin"}, 128, tmp_path / "no-such-group", output)


def test_a_folder_without_the_functions_is_named_in_one_line(tmp_path, capsys):
    assert coldstart.main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "auth_register" in said and "deploy.py build" in said


def test_there_is_an_event_for_every_function():
    import yaml

    table = yaml.safe_load((cfn.INFRA / "functions.yaml").read_text())
    for name, each in table["functions"].items():
        event = coldstart.event_of(name, each, {"token": "t", "refreshToken": "r"})
        assert event.get("routeKey") or event.get("requestContext") or event.get("detail-type") or event.get("action") or event.get("Records"), name


ROW = {"function": "ws_signal", "memoryMb": 256, "zippedBytes": 3_000_000, "calls": ["GetItem"], "initMs": 2.5, "firstMs": 3.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"initMs": 4.1}, "init took 4.1 ms"),
        ({"firstMs": 4.1}, "first took 4.1 ms"),
        ({"zippedBytes": 5_000_001}, "5000001 bytes"),
        ({"firstMs": 40.0, "calls": ["UpdateItem", "UpdateItem", "GetItem"]}, None),
        ({}, None),
    ],
)
def test_a_goal_that_is_missed_is_named(change, says):
    found = coldstart.missed(ROW | change)
    assert len(found) == (says is not None) and all(says in problem for problem in found)
