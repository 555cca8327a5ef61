"""Deploys infra/template.yaml, with the functions built on this machine, to a LocalStack-compatible endpoint."""

import io
import re
import subprocess
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
AMAZON_ROOTS = ROOT / "infra" / "amazon-roots.pem"
BUCKET = "tunrtc-artifacts"
DEPLOY_SECONDS = 300
FAILED = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "ROLLBACK_IN_PROGRESS")


@dataclass(frozen=True)
class Deployment:
    """A deployed stack and where its two doors are."""

    emulator: Emulator
    stack: str
    http_url: str
    websocket_url: str
    outputs: dict[str, str]


def functions() -> list[str]:
    """The names of the functions, as the template has them."""
    return re.findall(r"CodeUri: \.\./target/lambda/(\w+)/", TEMPLATE.read_text())


def package(binary: Path) -> bytes:
    """A function's zip: the stripped binary as `bootstrap`, and the roots beside it, as on AWS."""
    with tempfile.TemporaryDirectory() as scratch:
        stripped = Path(scratch) / "bootstrap"
        subprocess.run(["strip", "--strip-all", "-o", stripped, binary], check=True, timeout=60)
        content = stripped.read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        zipped.writestr(bootstrap, content)
        zipped.write(AMAZON_ROOTS, "amazon-roots.pem")
    return archive.getvalue()


def deploy(emulator: Emulator, packages: dict[str, bytes], stack: str = "tunrtc", **parameters: str) -> Deployment:
    """Uploads the packages and creates the stack. Raises RuntimeError with the stack's own reasons on failure."""
    storage = emulator.client("s3")
    storage.create_bucket(Bucket=BUCKET)
    for name, content in packages.items():
        storage.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=content)
    template = re.sub(r"\.\./target/lambda/(\w+)/", rf"s3://{BUCKET}/\1.zip", TEMPLATE.read_text())
    storage.put_object(Bucket=BUCKET, Key="template.yaml", Body=template.encode())

    values = {"EmulatorHost": emulator.host, "Architecture": "x86_64", "AllowedOrigins": "http://localhost:5173"} | parameters
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"http://{emulator.host}/{BUCKET}/template.yaml",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
    )
    outputs = wait_until_created(cloudformation, stack)
    repair_cors(emulator, outputs["HttpApiId"], values["AllowedOrigins"])
    return Deployment(
        emulator,
        stack,
        f"http://{emulator.host}/_aws/execute-api/{outputs['HttpApiId']}/$default",
        f"ws://{emulator.host}/_aws/execute-api/{outputs['WebSocketApiId']}/ws",
        outputs,
    )


def wait_until_created(cloudformation, stack: str) -> dict[str, str]:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if described["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        if described["StackStatus"] in FAILED:
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = [f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in events if event.get("ResourceStatusReason")]
            raise RuntimeError("the stack was not created:\n" + "\n".join(reasons))
        time.sleep(0.5)
    raise RuntimeError(f"the stack was not created within {DEPLOY_SECONDS} s")


def repair_cors(emulator: Emulator, api_id: str, origins: str) -> None:
    """MiniStack loses a template's CorsConfiguration; the API call works. The values are the template's."""
    api = TEMPLATE.read_text().split("\n  HttpApi:\n")[1]
    block = re.search(r"CorsConfiguration:\n(?:        .*\n)+", api).group()
    named = {key: re.split(r",\s*", values) for key, values in re.findall(r"(\w+): \[(.*)\]", block)}
    maximum_age = int(re.search(r"MaxAge: (\d+)", block).group(1))
    configuration = named | {"AllowOrigins": origins.split(","), "MaxAge": maximum_age}
    emulator.client("apigatewayv2").update_api(ApiId=api_id, CorsConfiguration=configuration)


def delete(deployment: Deployment) -> None:
    """Deletes the stack and waits until it is gone."""
    cloudformation = deployment.emulator.client("cloudformation")
    cloudformation.delete_stack(StackName=deployment.stack)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=deployment.stack, WaiterConfig={"Delay": 1, "MaxAttempts": DEPLOY_SECONDS}
    )
