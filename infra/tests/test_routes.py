"""The template against the code: docs/api/routes.json is what the code says of itself.

Its routes are `{api, key, function, routeResponse}`, its functions `{name, actions}`; a test of the Rust
workspace keeps it as the code is.
"""

import json

import pytest

import template as cfn

CODE = json.loads((cfn.ROOT / "docs" / "api" / "routes.json").read_text())
# What every function's role holds for Lambda itself, whatever its ports need.
OF_LAMBDA = {
    "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
}


def by_key(routes: list[dict]) -> dict[tuple[str, str], dict]:
    return {(route["api"], route["key"]): route for route in routes}


def test_the_template_and_the_code_have_the_same_routes():
    assert by_key(cfn.routes()) == by_key(CODE["routes"])


@pytest.mark.parametrize("function", CODE["functions"], ids=lambda function: function["name"])
def test_a_role_holds_exactly_the_actions_that_its_function_uses(function):
    role = cfn.role_of(cfn.functions()[function["name"]])
    held = {action for statement in cfn.statements(role) for action in cfn.as_list(statement["Action"])}
    assert held - OF_LAMBDA == set(function["actions"])


def test_every_function_of_the_template_is_one_of_the_code():
    assert set(cfn.functions()) == {function["name"] for function in CODE["functions"]}
