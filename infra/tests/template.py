"""template.yaml as plain data: CloudFormation's short tags become the functions that they stand for."""

from functools import cache
from pathlib import Path

import yaml

INFRA = Path(__file__).resolve().parent.parent
ROOT = INFRA.parent


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags: `!Sub x` is {"Fn::Sub": x}, `!Ref x` is {"Ref": x}."""


def intrinsic(loader: Loader, tag: str, node: yaml.Node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if tag == "Ref" else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", intrinsic)


@cache
def load(name: str) -> dict:
    return yaml.load((INFRA / name).read_text(), Loader)


def resources(kind: str, template: str = "template.yaml") -> dict[str, dict]:
    """Logical id and properties of every resource of one type."""
    found = load(template)["Resources"]
    return {name: resource.get("Properties", {}) for name, resource in found.items() if resource["Type"] == kind}


def functions() -> dict[str, dict]:
    """Name in functions.yaml (as in `auth_login`) and properties of every function."""
    return {
        properties["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): properties
        for properties in resources("AWS::Serverless::Function").values()
    }


def statements(role: dict) -> list[dict]:
    """What a role may do, that under a condition included."""
    written = [statement for policy in role.get("Policies", []) for statement in policy["PolicyDocument"]["Statement"]]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in written]


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def role_of(function: dict) -> dict:
    return resources("AWS::IAM::Role")[function["Role"]["Fn::GetAtt"].removesuffix(".Arn")]


def function_of_integration(target: str) -> str:
    """`integrations/${AuthLoginIntegration}` -> the name of the function behind it."""
    integration = resources("AWS::ApiGatewayV2::Integration")[target.removeprefix("integrations/${").removesuffix("}")]
    logical_id = integration["IntegrationUri"]["Fn::Sub"].split("functions/${")[1].split(".Arn}")[0]
    properties = resources("AWS::Serverless::Function")[logical_id]
    return properties["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")


def routes() -> list[dict]:
    """Every route as docs/api/routes.json describes one: api, key, function, routeResponse."""
    answering = {response["RouteId"]["Ref"] for response in resources("AWS::ApiGatewayV2::RouteResponse").values()}
    return [
        {
            "api": "http" if route["ApiId"]["Ref"] == "HttpApi" else "websocket",
            "key": route["RouteKey"],
            "function": function_of_integration(route["Target"]["Fn::Sub"]),
            "routeResponse": name in answering,
        }
        for name, route in resources("AWS::ApiGatewayV2::Route").items()
    ]
