"""deploy.py itself, from its check of the account to the end of destroy, against the endpoint.

The functions are stand-ins here, so that nothing has to be built: what is tested is the script and what
`sam deploy` makes of the templates. test_deployed.py has the real functions.
"""

import sys

import pytest

import deployment as deploying
import emulator

sys.path.insert(0, str(deploying.ROOT / "infra"))

import deploy  # noqa: E402

PAGES_OF_THE_API = ("localstack/gateway/src/reference.html", "docs/api/openapi.json", "docs/api/asyncapi.json")
STAND_IN = "#!/bin/sh\nexit 0\n"
DEPLOY = ["deploy", "--region", "us-east-1", "--allowed-origins", "https://app.example.com", "--alarm-email", "ops@example.com", "--dashboard", "true",
          "--parameter", "LogRetentionDays=90"]
DESTROY = ["destroy", "--region", "us-east-1", "--yes"]


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """An empty account of its own."""
    with emulator.running(tmp_path_factory.mktemp("account")) as running:
        yield running


@pytest.fixture
def script(account, tmp_path, monkeypatch):
    """deploy.py in a checkout whose functions are stand-ins, with the endpoint for AWS."""
    for name in deploying.functions():
        folder = tmp_path / "target" / "lambda" / name
        folder.mkdir(parents=True)
        (folder / "bootstrap").write_text(STAND_IN)
        (folder / "bootstrap").chmod(0o755)
        (folder / deploy.ROOTS.name).write_bytes(deploy.ROOTS.read_bytes())
    (tmp_path / "infra").mkdir()
    for name in ("template.yaml", "edge.yaml", "functions.yaml"):
        (tmp_path / "infra" / name).write_bytes((deploy.HERE / name).read_bytes())
    for name in PAGES_OF_THE_API:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((deploy.ROOT / name).read_bytes())
    monkeypatch.setattr(deploy, "HERE", tmp_path / "infra")
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    # Neither a compiler nor an answer of the stand-ins is wanted here, and no name is asked for outside.
    monkeypatch.setattr(deploy, "check_tools", lambda options: None)
    monkeypatch.setattr(deploy, "check_target", lambda architecture: None)
    monkeypatch.setattr(deploy, "build", lambda architecture: None)
    monkeypatch.setattr(deploy, "SDK", site(tmp_path / "sdk-js"))
    monkeypatch.setattr(deploy, "build_site", lambda: None)
    monkeypatch.setattr(deploy, "resolves", lambda name: True)
    monkeypatch.setattr(deploy.smoke, "problems", lambda *_: [])
    # The one thing that the endpoint's deployment differs in.
    of_aws = deploy.stack_parameters
    monkeypatch.setattr(deploy, "stack_parameters", lambda *given: of_aws(*given) | {"EmulatorHost": account.host})
    for name, value in (emulator.ROOT | {"AWS_ENDPOINT_URL": f"http://{account.host}", "HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    return deploy.main


def site(folder):
    """A console of three files and an example, and two files for captions, as `npm run build` lays them out beside the package."""
    console = [f"console/{name}" for name in ("index.html", "app.js", "sdk/tunrtc.js", "examples/basic.html", "docs/sdk/index.html")]
    for name in (*console, "captions/assets.json", "captions/wasm.0a1b2c3d4e5f6789.wasm", "index.js"):
        file = folder / "dist" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return folder


def files_of_the_site(account) -> dict[str, str]:
    """What lies in the site's bucket, with its content type."""
    outputs = account.client("cloudformation").describe_stacks(StackName="tunrtc-edge")["Stacks"][0]["Outputs"]
    bucket = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "SiteBucket")
    storage = account.client("s3")
    keys = [each["Key"] for each in storage.list_objects_v2(Bucket=bucket)["Contents"]]
    return {key: storage.head_object(Bucket=bucket, Key=key)["ContentType"] for key in keys}


def stack_names(account) -> set[str]:
    return {stack["StackName"] for stack in account.client("cloudformation").describe_stacks()["Stacks"] if stack["StackName"].startswith("tunrtc")}


def test_an_empty_account_gets_everything_and_is_empty_again_afterwards(script, account, capfd):
    zone = account.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"].split("/")[-1]
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/0a"

    assert script([*DEPLOY, "--domain-name", "rtc.example.com", "--certificate-arn", certificate, "--hosted-zone-id", zone]) == 0
    said = capfd.readouterr().out
    assert "HTTP API:  https://rtc.example.com\nSignaling: wss://rtc.example.com/ws\n" in said
    assert "The smoke test of rtc.example.com passed." in said and said.count("The smoke test of") == 2
    assert stack_names(account) == {"tunrtc", "tunrtc-edge"}
    javascript = "text/javascript; charset=utf-8"
    captions = {"captions/assets.json": "application/json", "captions/wasm.0a1b2c3d4e5f6789.wasm": "application/wasm"}
    pages = dict.fromkeys(("index.html", "docs/index.html", "docs/sdk/index.html"), "text/html; charset=utf-8")
    documents = dict.fromkeys(("openapi.json", "asyncapi.json"), "application/json")
    assert files_of_the_site(account) == pages | documents | {"app.js": javascript, "sdk/tunrtc.js": javascript} | captions

    # The second time nothing is said and nothing changes, and that is no failure.
    assert script(["deploy", "--region", "us-east-1"]) == 0
    parameters = account.client("cloudformation").describe_stacks(StackName="tunrtc")["Stacks"][0]["Parameters"]
    assert {"ParameterKey": "ApiGatewayLogRole", "ParameterValue": "create"} in parameters
    # The console is a page of this deployment like any other.
    assert {"ParameterKey": "AllowedOrigins", "ParameterValue": "https://app.example.com,https://rtc.example.com"} in parameters
    assert {"ParameterKey": "LogRetentionDays", "ParameterValue": "90"} in parameters
    assert {"ParameterKey": "AlarmEmail", "ParameterValue": "ops@example.com"} in parameters
    assert {"ParameterKey": "DomainName", "ParameterValue": "rtc.example.com"} in parameters

    capfd.readouterr()
    assert script(DESTROY) == 2
    assert "--delete-data" in capfd.readouterr().err
    assert stack_names(account) == {"tunrtc", "tunrtc-edge"}

    assert script([*DESTROY, "--delete-data"]) == 0
    assert stack_names(account) == set()
    assert not [each for each in account.client("s3").list_buckets()["Buckets"] if "edge" in each["Name"]]
    assert script(DESTROY) == 2
    assert "there is no stack" in capfd.readouterr().err


def test_recordings_have_a_bucket_that_goes_with_the_data(script, account):
    storage = account.client("s3")
    assert script([*DEPLOY, "--parameter", "Recording=true", "--parameter", "RecordingDays=9"]) == 0
    outputs = account.client("cloudformation").describe_stacks(StackName="tunrtc")["Stacks"][0]["Outputs"]
    bucket = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "RecordingsBucket")
    storage.put_object(Bucket=bucket, Key="files/1", Body=b"x")
    assert script([*DESTROY, "--delete-data"]) == 0
    assert bucket not in {each["Name"] for each in storage.list_buckets()["Buckets"]}


def test_a_backup_can_be_made_and_restored(script, account):
    """The commands of docs/DEPLOYMENT.md, as far as the endpoint has them."""
    assert script(DEPLOY) == 0
    outputs = account.client("cloudformation").describe_stacks(StackName="tunrtc")["Stacks"][0]["Outputs"]
    table = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "TableName")
    tables = account.client("dynamodb")
    tables.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": "b"}})
    assert tables.create_backup(TableName=table, BackupName="before-the-change")["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    tables.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=f"{table}-restored", UseLatestRestorableTime=True)
    assert "Item" in tables.get_item(TableName=f"{table}-restored", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
