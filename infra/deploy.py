"""Deploys TunRTC to an AWS account, and takes it down again.

    deploy.sh  [options]      build, package, deploy, print the addresses, smoke-test them
    destroy.sh [options]      delete the stacks
    deploy.py build           build the functions into target/lambda, and no more

Every option can also be given as a variable, which is how `make deploy` passes them (ALLOWED_ORIGINS=...).
What a later deploy does not say stays as it was; `--parameter AlarmEmail=` takes something away again.
Whatever is missing is found before anything is built or created, and said in one line with what to do.
"""

import argparse
import base64
import gzip
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import botocore.exceptions
import yaml

import smoke
from package import MAX_ZIP_BYTES, ROOTS, zipped_bytes

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SDK = ROOT / "sdk-js"
# What the site is made of. The machine's own table of types differs from system to system.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".map": "application/json", ".svg": "image/svg+xml", ".ts": "text/plain; charset=utf-8", ".json": "application/json", ".mjs": "text/javascript; charset=utf-8", ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?")
DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z]{2,}")
CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/[0-9a-f-]+")
# Rust's names for what Lambda calls an architecture.
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
# Parameters of the template that follow from something else, and are not the operator's to set.
DERIVED = {"Architecture", "ApiGatewayLogRole", "EmulatorHost", "TokenSecretVersion", "TurnSecretVersion"}


class Stop(Exception):
    """A reason to stop, as one line that says what to do."""


def option(parser: argparse.ArgumentParser, name: str, default: str, meaning: str) -> None:
    """An option whose default may come from the variable of the same name."""
    parser.add_argument(f"--{name}", default=os.environ.get(name.upper().replace("-", "_"), default), help=meaning)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    build, deploy, destroy = (commands.add_parser(name) for name in ("build", "deploy", "destroy"))
    for command in (deploy, destroy):
        option(command, "stack", "tunrtc", "name of the stack, and start of its resources' names")
        option(command, "region", os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", "")), "AWS region")
    option(deploy, "allowed-origins", "", "comma list of origins whose pages may use the APIs (required the first time)")
    for command in (build, deploy):
        option(command, "architecture", "", "arm64 (at first, without this) or x86_64")
    option(deploy, "turn-domain", "", "host name for a coturn server; creates one (needs --turn-email, --turn-vpc, --turn-subnet)")
    option(deploy, "turn-email", "", "contact for the TURN server's certificate")
    option(deploy, "turn-vpc", "", "VPC of the TURN server")
    option(deploy, "turn-subnet", "", "public subnet of the TURN server")
    option(deploy, "domain-name", "", "public name of both APIs and the console, by CloudFront (needs --certificate-arn)")
    option(deploy, "certificate-arn", "", "certificate of that name, in us-east-1")
    option(deploy, "hosted-zone-id", "", "Route 53 zone in which to make that name; without it you make it yourself")
    option(deploy, "alarm-email", "", "where alarms go; none without it")
    option(deploy, "dashboard", "", "true for a CloudWatch dashboard, false for none")
    deploy.add_argument(
        "--parameter", action="append", metavar="NAME=VALUE", default=os.environ.get("PARAMETERS", "").split(),
        help="another parameter of template.yaml, such as LogRetentionDays=90; may be given more than once (or PARAMETERS, separated by spaces)",
    )
    destroy.add_argument(
        "--delete-data", action="store_true", default=os.environ.get("DELETE_DATA") == "true",
        help="delete accounts, sessions and secrets too (or DELETE_DATA=true)",
    )
    destroy.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(arguments)


# -- Before anything is built or created ---------------------------------------------------------------------


def require(condition: object, message: str) -> None:
    if not condition:
        raise Stop(message)


def check_options(options: argparse.Namespace) -> None:
    if options.command != "destroy":
        require(options.architecture in ("", *TARGETS), "--architecture must be arm64 or x86_64")
    if options.command == "build":
        return
    require(options.region, "no region: set --region or AWS_REGION, for example AWS_REGION=eu-central-1")
    require(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,38}", options.stack), "--stack must be 1-39 letters, digits and hyphens, a letter first")
    if options.command == "destroy":
        return
    for origin in filter(None, options.allowed_origins.split(",")):
        require(ORIGIN.fullmatch(origin), f"--allowed-origins: {origin!r} is not an origin such as https://app.example.com")
    require(options.dashboard in ("", "true", "false"), "--dashboard must be true or false")
    for name in given_parameters(options):
        require(all("=" in text for text in options.parameter), "--parameter must be NAME=VALUE, such as LogRetentionDays=90")
        require(name in settable_parameters(), f"--parameter: {name!r} is none of {', '.join(sorted(settable_parameters()))}")
    if options.turn_domain:
        require(DOMAIN.fullmatch(options.turn_domain), "--turn-domain must be a host name such as turn.example.com")
        require(options.turn_email, "--turn-domain needs --turn-email, the contact for its certificate")
        require(options.turn_vpc and options.turn_subnet, "--turn-domain needs --turn-vpc and --turn-subnet, where the server goes")
    if options.domain_name:
        require(DOMAIN.fullmatch(options.domain_name), "--domain-name must be a host name such as rtc.example.com")
        require(
            CERTIFICATE.fullmatch(options.certificate_arn),
            "--domain-name needs --certificate-arn, an issued ACM certificate for it in us-east-1 (CloudFront takes no other region's)",
        )


class Loader(yaml.SafeLoader):
    """YAML whose CloudFormation tags do not matter."""


Loader.add_multi_constructor("!", lambda *_: None)


def settable_parameters() -> set[str]:
    """The template's parameters that are the operator's to choose."""
    return set(yaml.load((HERE / "template.yaml").read_text(), Loader)["Parameters"]) - DERIVED


def given_parameters(options: argparse.Namespace) -> dict[str, str]:
    """What --parameter says, by name."""
    pairs = [text.partition("=") for text in options.parameter]
    return {name: value for name, _, value in pairs}


def check_tools(options: argparse.Namespace) -> None:
    require(shutil.which("cargo"), "cargo is missing: install Rust from https://rustup.rs")
    require(tool("cargo-lambda").exists(), "cargo-lambda is missing: run infra/setup.sh deploy")
    if options.command == "deploy":
        require(tool("sam").exists(), "sam is missing: run infra/setup.sh deploy")


def tool(name: str) -> Path:
    """A program of the same virtual environment as this Python."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    return Path(found) if found else Path(sys.executable).with_name(name)


def check_credentials(session: boto3.Session) -> str:
    """The account that the credentials belong to."""
    try:
        return session.client("sts").get_caller_identity()["Account"]
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError):
        raise Stop("no AWS credentials: run `aws configure sso` or `aws configure`, or set AWS_PROFILE") from None
    except botocore.exceptions.ClientError as error:
        raise Stop(f"AWS refused the credentials ({error.response['Error']['Code']}): sign in again, `aws sso login` or new keys") from None
    except botocore.exceptions.BotoCoreError as error:
        raise Stop(f"AWS could not be reached ({type(error).__name__}): check --region and the network") from None


# -- Build ---------------------------------------------------------------------------------------------------


def function_names() -> list[str]:
    return list(yaml.safe_load((HERE / "functions.yaml").read_text())["functions"])


def build(architecture: str) -> None:
    """Builds the functions for Amazon Linux 2023 into target/lambda, with their root certificates beside them."""
    names = function_names()
    packages = [argument for name in names for argument in ("-p", name)]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run([tool("cargo-lambda"), "lambda", "build", "--profile", "function", "--target", TARGETS[architecture], *packages], "the build failed", env=environment)
    for name in names:
        shutil.copy(ROOTS, ROOT / "target" / "lambda" / name / ROOTS.name)


def check_target(architecture: str) -> None:
    target = TARGETS[architecture]
    asked = subprocess.run(["rustc", "--print", "target-libdir", "--target", target], cwd=ROOT, capture_output=True, text=True)
    require(
        asked.returncode == 0 and Path(asked.stdout.strip()).is_dir(),
        f"Rust cannot build for {architecture} yet: run `rustup target add {target}`",
    )


def build_site() -> None:
    """Builds the console and the SDK into sdk-js/dist/console."""
    run(["node", "scripts/packages.mjs"], "the console's packages were not installed", cwd=SDK)
    run([shutil.which("npm"), "run", "--silent", "build"], "the console was not built", cwd=SDK)


def build_packages(architecture: str) -> None:
    """Builds the functions, and stops when a package grew beyond what a cold start should have to unpack."""
    check_target(architecture)
    build(architecture)
    sizes = {name: zipped_bytes(ROOT / "target" / "lambda" / name / "bootstrap") for name in function_names()}
    largest = max(sizes, key=sizes.get)
    require(sizes[largest] <= MAX_ZIP_BYTES, f"{largest} is {sizes[largest]} bytes zipped, more than {MAX_ZIP_BYTES}: find out what it links")
    print(f"{len(sizes)} functions in target/lambda; the largest, {largest}, has {sizes[largest]} bytes zipped.")


def run(command: list, failure: str, **options) -> None:
    done = subprocess.run([str(part) for part in command], **{"cwd": ROOT, **options})
    require(done.returncode == 0, f"{failure} (exit status {done.returncode}); its own message stands above")


# -- Deploy --------------------------------------------------------------------------------------------------


def sam_deploy(options: argparse.Namespace, template: Path, stack: str, parameters: dict[str, str]) -> None:
    """Creates or updates one stack; says nothing and changes nothing when nothing changed."""
    pairs = [f'{name}="{value}"' for name, value in parameters.items()]
    run(
        [tool("sam"), "deploy", "--template-file", template, "--stack-name", stack, "--region", options.region,
         "--resolve-s3", "--s3-prefix", stack, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND",
         "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides", *pairs],
        f"stack {stack} was not deployed",
        env=os.environ | {"SAM_CLI_TELEMETRY": "0"},
    )


def described(session: boto3.Session, stack: str) -> dict:
    """The stack as it is now; empty when there is none."""
    try:
        return session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except botocore.exceptions.ClientError as error:
        # CloudFormation's word for a stack that is not there; anything else must not be taken for that.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return {}


def outputs(session: boto3.Session, stack: str) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in described(session, stack).get("Outputs", [])}


def log_role(session: boto3.Session) -> str:
    """Whether the account and region already has the one role with which API Gateway writes logs."""
    return "existing" if session.client("apigateway").get_account().get("cloudwatchRoleArn") else "create"


def turn_parameters(session: boto3.Session, options: argparse.Namespace) -> dict[str, str]:
    """Deploys the coturn stack first, since the API is told its addresses and its secret."""
    if not options.turn_domain:
        return {}
    stack = f"{options.stack}-turn"
    sam_deploy(options, HERE / "coturn.yaml", stack, {
        "DomainName": options.turn_domain, "Email": options.turn_email,
        "VpcId": options.turn_vpc, "SubnetId": options.turn_subnet,
        "RenderScript": packed(ROOT / "coturn" / "render.sh"),
        "ConfigurationTemplate": packed(ROOT / "coturn" / "turnserver.conf.in"),
    })
    made = outputs(session, stack)
    print(f"TURN: point the name {options.turn_domain} at {made['PublicIp']}")
    return {"TurnUrls": made["TurnUrls"], "TurnSecretArn": made["SecretArn"]}


def packed(file: Path) -> str:
    """A file as the instance unpacks it: base64 of gzip, small enough for a parameter (4,096 characters)."""
    return base64.b64encode(gzip.compress(file.read_bytes(), mtime=0)).decode()


def stack_parameters(session: boto3.Session, options: argparse.Namespace) -> dict[str, str]:
    """What the stack is told. A parameter that is not here keeps its value, or has the template's default at first."""
    said = {"AllowedOrigins": options.allowed_origins, "DomainName": options.domain_name, "AlarmEmail": options.alarm_email,
            "Dashboard": options.dashboard}
    derived = {
        "Architecture": options.architecture,
        # Whoever created the role keeps it; otherwise an update would take it away from this stack.
        "ApiGatewayLogRole": kept_parameters(session, options.stack).get("ApiGatewayLogRole") or log_role(session),
    }
    return {name: value for name, value in said.items() if value} | derived | turn_parameters(session, options) | given_parameters(options)


def remember(session: boto3.Session, options: argparse.Namespace) -> None:
    """Fills in what an earlier deploy said and this one does not, as far as the script itself acts on it."""
    kept = kept_parameters(session, options.stack)
    options.architecture = options.architecture or kept.get("Architecture", "arm64")
    options.domain_name = given_parameters(options).get("DomainName", options.domain_name or kept.get("DomainName", ""))
    options.allowed_origins = options.allowed_origins or kept.get("AllowedOrigins", "")
    require(options.allowed_origins, "no allowed origins: set --allowed-origins or ALLOWED_ORIGINS, for example https://app.example.com")
    console = [f"https://{options.domain_name}"] if options.domain_name else []
    options.allowed_origins = ",".join(dict.fromkeys([*options.allowed_origins.split(","), *console]))
    require(not console or shutil.which("npm"), "npm is missing, which builds the console: install Node.js 20 or newer")


def kept_parameters(session: boto3.Session, stack: str) -> dict[str, str]:
    """The parameters of the stack as it is now; none when there is no stack."""
    return {each["ParameterKey"]: each["ParameterValue"] for each in described(session, stack).get("Parameters", [])}


def deploy(session: boto3.Session, options: argparse.Namespace) -> None:
    remember(session, options)
    build_packages(options.architecture)
    if options.domain_name:
        build_site()
    sam_deploy(options, HERE / "template.yaml", options.stack, stack_parameters(session, options))
    made = outputs(session, options.stack)
    if options.domain_name:
        deploy_edge(session, options, made)
    print(f"HTTP API:  {made['HttpUrl']}\nSignaling: {made['SignalingUrl']}")
    origin = options.allowed_origins.split(",")[0]
    smoke_test(made["HttpApiUrl"], made["WebSocketApiUrl"], origin)
    if options.domain_name and resolves(options.domain_name):
        smoke_test(made["HttpUrl"], made["SignalingUrl"], origin)


def smoke_test(http_url: str, signaling_url: str, origin: str) -> None:
    wrong = smoke.problems(http_url, signaling_url, origin)
    require(not wrong, f"deployed, but the smoke test of {http_url} failed: " + "; ".join(wrong))
    print(f"The smoke test of {urlsplit(http_url).netloc} passed.")


def resolves(name: str) -> bool:
    """Whether the name leads anywhere yet. One that was just made takes a while."""
    try:
        return bool(socket.getaddrinfo(name, 443))
    except socket.gaierror:
        print(f"{name} does not resolve yet: when it does, repeat the deploy, which tests it too.")
        return False


def deploy_edge(session: boto3.Session, options: argparse.Namespace, made: dict[str, str]) -> None:
    """CloudFront in front of both APIs, and the console and the SDK behind the same name."""
    stack = f"{options.stack}-edge"
    said = {"DomainName": options.domain_name, "CertificateArn": options.certificate_arn, "HostedZoneId": options.hosted_zone_id,
            "HttpApiId": made["HttpApiId"], "WebSocketApiId": made["WebSocketApiId"],
            "EdgeSecretArn": made["EdgeSecretArn"]}
    given = {name: value for name, value in said.items() if value}
    # Said even where there is none: a stack that records no more must not keep the address of its bucket.
    sam_deploy(options, HERE / "edge.yaml", stack, given | {"RecordingsHost": made.get("RecordingsHost", "")})
    edge = outputs(session, stack)
    upload_site(session, edge["SiteBucket"])
    print(f"Console:   https://{options.domain_name}")
    if not kept_parameters(session, stack).get("HostedZoneId"):
        print(f"DNS: point the name {options.domain_name} at {edge['DistributionDomain']}")


def upload_site(session: boto3.Session, bucket: str) -> None:
    """Puts what `files_of_the_site` names into the site's bucket."""
    storage = session.client("s3")
    for key, file in files_of_the_site():
        # worker.0a1b2c3d4e5f6789.js is named by its content. Anything else is asked for again each time, and mostly answered with
        # 304: a new version is there at once.
        caching = "public, max-age=31536000, immutable" if key.startswith("captions/") and len(file.suffixes) == 2 else "no-cache"
        storage.put_object(
            Bucket=bucket, Key=key, Body=file.read_bytes(),
            ContentType=CONTENT_TYPES.get(file.suffix, "application/octet-stream"), CacheControl=caching,
        )


def files_of_the_site() -> Iterator[tuple[str, Path]]:
    """The console, the SDK and its reference, the files for captions, and the API's reference, each with its key. Examples stay
    out: they are for trying a local server."""
    built = SDK / "dist"
    for file in sorted(each for each in built.rglob("*") if each.is_file()):
        place = file.relative_to(built)
        if place.parts[0] == "captions":
            yield place.as_posix(), file
        elif place.parts[0] == "console" and place.parts[1] != "examples":
            yield place.relative_to("console").as_posix(), file
    yield "docs/index.html", ROOT / "localstack" / "gateway" / "src" / "reference.html"
    for name in ("openapi.json", "asyncapi.json"):
        yield name, ROOT / "docs" / "api" / name


# -- Destroy -------------------------------------------------------------------------------------------------


def destroy(session: boto3.Session, options: argparse.Namespace) -> None:
    kept = kept_parameters(session, options.stack)
    require(kept, f"there is no stack {options.stack} in {options.region}: nothing to delete")
    require(
        options.delete_data or kept.get("DeletionProtection") == "false",
        "the table is protected: repeat with --delete-data to delete accounts and sessions for good, after a backup (docs/DEPLOYMENT.md)",
    )
    if not options.yes:
        require(input(f"Type {options.stack} to delete it: ") == options.stack, "not deleted: the name was another one")
    made = outputs(session, options.stack)
    site = outputs(session, f"{options.stack}-edge").get("SiteBucket")
    if options.delete_data:
        table = session.client("cloudformation").describe_stack_resource(StackName=options.stack, LogicalResourceId="Table")
        name = table["StackResourceDetail"]["PhysicalResourceId"]
        session.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=False)
    for stack in (f"{options.stack}-edge", options.stack, f"{options.stack}-turn"):
        delete_stack(session, stack)
    if options.delete_data:
        delete_what_stacks_leave(session, made["TokenSecretArn"], [site, made.get("RecordingsBucket")])
    print(f"{options.stack} is deleted.")
    if kept.get("RestoredTable"):
        print(f"The table {kept['RestoredTable']} is not part of it and stays.")


def delete_what_stacks_leave(session: boto3.Session, secret: str, buckets: list[str | None]) -> None:
    """The secret and the buckets, which outlive their stacks so that no mistake with a stack can lose them."""
    session.client("secretsmanager").delete_secret(SecretId=secret, RecoveryWindowInDays=7)
    print("The secret that signed tokens can be restored for seven days.")
    for name in filter(None, buckets):
        bucket = session.resource("s3").Bucket(name)
        bucket.object_versions.delete()
        bucket.delete()


def delete_stack(session: boto3.Session, stack: str) -> None:
    """Deletes a stack if it is there, and waits until it is gone."""
    cloudformation = session.client("cloudformation")
    if not kept_parameters(session, stack):
        return
    cloudformation.delete_stack(StackName=stack)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
    except botocore.exceptions.WaiterError:
        raise Stop(f"stack {stack} was not deleted: its events in CloudFormation say what stands in the way") from None


def main(arguments: list[str]) -> int:
    try:
        options = parse(arguments)
        check_options(options)
        if options.command != "destroy":
            check_tools(options)
        if options.command == "build":
            build_packages(options.architecture or "arm64")
            return 0
        session = boto3.Session(region_name=options.region)
        account = check_credentials(session)
        print(f"Account {account}, region {options.region}, stack {options.stack}")
        (deploy if options.command == "deploy" else destroy)(session, options)
    except (Stop, botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as reason:
        # AWS's own words name the action that was refused, and of whom.
        print(f"{arguments[0]}: {reason}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
