"""The template's routes against the code's: docs/api/routes.json, which a test of the Rust workspace keeps as
the route table of the code, from which the local gateway is built too."""

import json

import template as cfn

CODE = json.loads((cfn.ROOT / "docs" / "api" / "routes.json").read_text())


def by_key(routes: list[dict]) -> dict[tuple[str, str], dict]:
    return {(route["api"], route["key"]): route for route in routes}


def test_the_template_and_the_code_have_the_same_routes():
    assert len(CODE["routes"]) > 20
    assert by_key(cfn.routes()) == by_key(CODE["routes"])
