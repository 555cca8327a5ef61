"""What each function is given against what its code asks for: not less, and not more either."""

import re

import pytest

import template as cfn

SETTINGS = dict(
    re.findall(r'pub const (\w+): &str = "(TUNRTC_\w+)"', (cfn.ROOT / "shared" / "runtime" / "src" / "settings.rs").read_text())
)
# Settings that a method of `Settings` reads together.
GROUPS = {
    r"\.secrets\(\)": {"SECRET", "SECRET_PREVIOUS"},
    r"\.ice\(\)": {"STUN_URLS", "TURN_URLS", "TURN_SECRET", "ICE_TTL_SECONDS"},
}
# For the AWS SDK, not for us.
OF_THE_SDK = {"SSL_CERT_FILE", "AWS_ENDPOINT_URL"}


def asked_for(function: str) -> set[str]:
    """The variables that a function's code names."""
    source = (cfn.ROOT / "functions" / function / "src" / "lib.rs").read_text()
    names = set(re.findall(r"settings::([A-Z_]+)", source))
    for pattern, group in GROUPS.items():
        names |= group if re.search(pattern, source) else set()
    return {SETTINGS[name] for name in names}


@pytest.mark.parametrize("name", cfn.functions())
def test_a_function_is_given_exactly_the_settings_that_it_asks_for(name):
    given = set(cfn.functions()[name].get("Environment", {}).get("Variables", {}))
    assert given - OF_THE_SDK == asked_for(name)


def test_settings_for_everybody_are_settings_of_the_code():
    common = cfn.load("template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    assert set(common) <= set(SETTINGS.values())


@pytest.mark.parametrize("name", cfn.functions())
def test_a_function_may_push_or_delay_exactly_when_it_is_made_of_those_crates(name):
    manifest = (cfn.ROOT / "functions" / name / "Cargo.toml").read_text()
    dependencies = manifest.split("[dependencies]")[1].split("\n[")[0]
    held = {action for statement in cfn.statements(cfn.role_of(cfn.functions()[name])) for action in cfn.as_list(statement["Action"])}
    assert ("execute-api:ManageConnections" in held) == bool(re.search(r"^push\b", dependencies, re.MULTILINE))
    assert ("sqs:SendMessage" in held) == bool(re.search(r"^delay\b", dependencies, re.MULTILINE))
    assert any(action.startswith("dynamodb:") for action in held) == bool(re.search(r"^store\b", dependencies, re.MULTILINE))
