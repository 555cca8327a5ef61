"""Every role holds exactly the actions that its function's code uses: none missing, none to spare."""

import re

import pytest

import privileges
import template as cfn

# What Lambda itself needs: to write logs and traces, and to poll queues and the stream.
OF_LAMBDA = {
    "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
}


def held(function: dict) -> set[str]:
    """The actions of a function's role as `privileges` names them."""
    named = set()
    for statement in cfn.statements(cfn.role_of(function)):
        for action in set(cfn.as_list(statement["Action"])) - OF_LAMBDA:
            for resource in cfn.as_list(statement["Resource"]):
                named.add(action + qualifier(action, str(resource)))
    return named


def qualifier(action: str, resource: str) -> str:
    if action == "execute-api:ManageConnections":
        return " POST" if "/POST/" in resource else " DELETE"
    index = re.search(r"/index/(\w+)", resource)
    return f" index {index.group(1)}" if index else ""


@pytest.mark.parametrize("name", cfn.functions())
def test_a_role_holds_exactly_what_its_function_uses(name):
    assert held(cfn.functions()[name]) == set(privileges.function_actions(name))


def test_the_sources_are_understood():
    """Were the sources written in another way, the reader would find nothing, and roles that hold nothing would pass."""
    assert privileges.function_actions("ws_signal") == {
        "dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
        "execute-api:ManageConnections POST", "execute-api:ManageConnections DELETE", "sqs:SendMessage",
    }
    assert privileges.function_actions("session_active") == {
        "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query index active", "dynamodb:UpdateItem",
    }
    assert privileges.function_actions("health") == frozenset()
    ports = {each.trait for each in privileges.store() if each.trait}
    assert {"Users", "Seats", "Inbox", "Holding", "Erasures"} <= ports
    unanswered = [(each.trait, each.name) for each in privileges.store() if each.trait and not privileges.port_actions(each.trait, each.name)]
    assert unanswered == []
