"""What deploy.sh, destroy.sh and rotate_secret.py say when something is missing: one line, before anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import botocore.exceptions
import pytest

import template as cfn

sys.path.insert(0, str(cfn.INFRA))

import deploy  # noqa: E402
import rotate_secret  # noqa: E402


NODE = shutil.which("node")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> None:
    """No credentials and no settings of whoever runs the tests."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name in ("ALLOWED_ORIGINS", "STACK", "REGION", "ARCHITECTURE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Programs that are there but do nothing, in place of cargo, cargo-lambda and sam."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("cargo", "cargo-lambda", "sam", "npm"):
        (folder / name).write_text("#!/bin/sh\nexit 0\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(deploy.sys, "executable", str(folder / "python"))
    return folder


def stopped(capsys, *arguments: str) -> str:
    """The one line with which deploy.py stopped."""
    assert deploy.main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    return said.err


GOOD = ["deploy", "--region", "us-east-1", "--allowed-origins", "https://app.example.com"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["deploy"], "AWS_REGION"),
        (["deploy", "--region", "us-east-1", "--allowed-origins", "app.example.com"], "not an origin"),
        (["deploy", "--region", "us-east-1", "--allowed-origins", "https://a.example.com/path"], "not an origin"),
        ([*GOOD, "--stack", "no spaces"], "--stack"),
        ([*GOOD, "--architecture", "mips"], "arm64 or x86_64"),
        ([*GOOD, "--dashboard", "maybe"], "--dashboard"),
        ([*GOOD, "--parameter", "LogRetention=90"], "LogRetentionDays"),
        ([*GOOD, "--parameter", "LogRetentionDays"], "NAME=VALUE"),
        ([*GOOD, "--parameter", "TokenSecretVersion=1"], "--parameter"),
        ([*GOOD, "--domain-name", "rtc.example.com"], "--certificate-arn"),
        ([*GOOD, "--domain-name", "https://rtc.example.com"], "--domain-name"),
        ([*GOOD, "--turn-domain", "turn.example.com"], "--turn-email"),
        ([*GOOD, "--turn-domain", "turn.example.com", "--turn-email", "a@example.com"], "--turn-vpc"),
        (["destroy"], "AWS_REGION"),
    ],
)
def test_a_missing_or_wrong_parameter_is_named(elsewhere, tools, capsys, arguments, says):
    assert says in stopped(capsys, *arguments)


@pytest.mark.parametrize(("missing", "says"), [("cargo", "rustup.rs"), ("cargo-lambda", "setup.sh deploy"), ("sam", "setup.sh deploy")])
def test_a_missing_tool_is_named_with_how_to_get_it(elsewhere, tools, capsys, monkeypatch, missing, says):
    (tools / missing).unlink()
    monkeypatch.setenv("PATH", str(tools))
    line = stopped(capsys, *GOOD)
    assert missing in line and says in line


class Account:
    """An account with a stack of these parameters, or none."""

    def __init__(self, **parameters: str):
        self.parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]

    def client(self, _service):
        return self

    def describe_stacks(self, **_):
        if not self.parameters:
            raise botocore.exceptions.ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks")
        return {"Stacks": [{"Parameters": self.parameters}]}


def remembered(account: Account, *arguments: str):
    options = deploy.parse(["deploy", "--region", "us-east-1", *arguments])
    deploy.remember(account, options)
    return options


def test_the_first_deploy_needs_origins_and_a_later_one_remembers_them(elsewhere, tools):
    with pytest.raises(deploy.Stop, match="ALLOWED_ORIGINS"):
        remembered(Account())
    kept = {"AllowedOrigins": "https://a.example.com,https://rtc.example.com", "DomainName": "rtc.example.com", "Architecture": "x86_64"}
    account = Account(**kept)
    options = remembered(account)
    assert options.architecture == "x86_64" and remembered(account, "--architecture", "arm64").architecture == "arm64"
    assert (options.allowed_origins, options.domain_name) == ("https://a.example.com,https://rtc.example.com", "rtc.example.com")
    assert remembered(account, "--parameter", "DomainName=").domain_name == ""


def test_an_npm_that_cannot_read_the_lock_file_is_named(tools, tmp_path):
    for name in ("scripts/packages.mjs", "package-lock.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((cfn.ROOT / "sdk-js" / name).read_bytes())
    (tools / "npm").write_text("#!/bin/sh\necho 9.2.0\n")
    ran = subprocess.run([NODE, tmp_path / "scripts/packages.mjs"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "npm 9.2.0 is too old" in ran.stderr and "npm install --global npm@10" in ran.stderr


def test_run_sh_and_run_ps1_install_build_and_start_as_make_run_does(tools, tmp_path):
    for name in ("node", "npm", "cargo"):
        (tools / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/called\n')
        (tools / name).chmod(0o755)
    subprocess.run(["sh", cfn.ROOT / "localstack" / "run.sh", "--data", "a b.db"], check=True)
    assert (tmp_path / "called").read_text().splitlines() == [
        "node sdk-js/scripts/packages.mjs", "npm run --silent build", "cargo run --profile quick --bin tunrtc -- --data a b.db",
    ]
    windows = (cfn.ROOT / "localstack" / "run.ps1").read_text().splitlines()
    assert [line for line in windows if line.startswith(("node", "npm", "cargo"))] == [
        "node sdk-js/scripts/packages.mjs", "npm run --silent build", "cargo run --profile quick --bin tunrtc -- @args",
    ]


def test_the_console_is_an_allowed_origin_and_needs_npm(elsewhere, tools, monkeypatch):
    console = ["--allowed-origins", "https://a.example.com", "--domain-name", "rtc.example.com"]
    assert remembered(Account(), *console).allowed_origins == "https://a.example.com,https://rtc.example.com"
    (tools / "npm").unlink()
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(deploy.Stop, match="Node.js"):
        remembered(Account(), *console)
    remembered(Account(), *console[:2])


def test_what_aws_refuses_is_not_taken_for_a_stack_that_is_not_there(monkeypatch):
    account = Account()
    refusal = botocore.exceptions.ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeStacks")
    monkeypatch.setattr(account, "describe_stacks", lambda **_: (_ for _ in ()).throw(refusal))
    with pytest.raises(botocore.exceptions.ClientError):
        deploy.kept_parameters(account, "tunrtc")


def test_a_target_that_rust_does_not_have_is_named_before_the_build(elsewhere, tools, capsys, monkeypatch):
    (tools / "rustc").write_text("#!/bin/sh\necho /nonexistent/lib\n")
    (tools / "rustc").chmod(0o755)
    monkeypatch.setattr(deploy, "build", lambda architecture: pytest.fail("built"))
    assert "rustup target add aarch64-unknown-linux-gnu" in stopped(capsys, "build")


def test_missing_credentials_stop_it_before_the_build(elsewhere, tools, capsys):
    assert "no AWS credentials" in stopped(capsys, *GOOD)


def test_an_unreachable_aws_is_said_so(elsewhere, tools, capsys, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "could not be reached" in stopped(capsys, *GOOD)


def test_a_variable_stands_for_an_option(elsewhere, tools, capsys, monkeypatch):
    monkeypatch.setenv("ALLOWED_ORIGINS", "nonsense")
    assert "nonsense" in stopped(capsys, "deploy", "--region", "us-east-1")


def test_setup_says_which_python_it_needs():
    done = subprocess.run(
        ["sh", cfn.INFRA / "setup.sh"], env={"PATH": "/usr/bin:/bin", "PYTHON": "/nonexistent/python3"},
        capture_output=True, text=True, timeout=30,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "3.10" in done.stderr


def test_what_the_instance_unpacks_fits_into_a_parameter():
    for name in ("render.sh", "turnserver.conf.in"):
        assert len(deploy.packed(cfn.ROOT / "coturn" / name)) <= 4096


@pytest.mark.parametrize(
    ("script", "text"),
    [(script, (cfn.INFRA / script).read_text()) for script in ("deploy.sh", "destroy.sh", "deploy.ps1")],
    ids=["deploy.sh", "destroy.sh", "deploy.ps1"],
)
def test_the_entry_scripts_all_lead_to_the_same_program(script: str, text: str):
    assert "deploy.py" in text and "requirements-deploy.txt" in text + (cfn.INFRA / "setup.sh").read_text()


def test_a_rotation_never_signs_with_a_secret_that_is_not_known_everywhere():
    idle = {"current": "old", "previous": ""}
    accepting = rotate_secret.turned("accept", idle)
    assert accepting["current"] == "old" and len(accepting["previous"]) == 64
    signing = rotate_secret.turned("sign", accepting)
    assert (signing["current"], signing["previous"]) == (accepting["previous"], "old")
    done = rotate_secret.turned("retire", signing)
    assert done == {"current": accepting["previous"], "previous": "", "state": "idle"}


@pytest.mark.parametrize(("before", "step", "following"), [("idle", "sign", "accept"), ("accepting", "accept", "sign"), ("signing", "sign", "retire")])
def test_steps_of_a_rotation_come_in_order(before, step, following):
    with pytest.raises(rotate_secret.Stop, match=f"the next step is {following}"):
        rotate_secret.turned(step, {"current": "a", "previous": "b", "state": before})
