"""What each function is given against what its code asks for: not less, and not more either."""

import re
from functools import cache

import pytest

import privileges
import template as cfn

SETTINGS = dict(
    re.findall(r'pub const (\w+): &str = "(TUNRTC_\w+)"', (cfn.ROOT / "shared" / "config" / "src" / "settings.rs").read_text())
)
# For the AWS SDK, not for us.
OF_THE_SDK = {"SSL_CERT_FILE", "AWS_ENDPOINT_URL"}


@cache
def recipes() -> dict[str, str]:
    """How each dependency is made from configuration: the body of its `FromRuntime`, by its type's name."""
    found = {}
    for source in (cfn.ROOT / "shared").glob("*/src/**/*.rs"):
        text = source.read_text()
        for match in re.finditer(r"^impl FromRuntime for (\w+) ", text, re.MULTILINE):
            found[match.group(1)] = privileges.block(text, match.end())[0]
    return found


def settings_of(kind: str) -> set[str]:
    """The variables that a dependency is made from, and those of what it is made from."""
    recipe = recipes()[kind]
    names = {SETTINGS[name] for name in re.findall(r"\bsettings::([A-Z_]+)", recipe) if name in SETTINGS}
    return names.union(*(settings_of(inner) for inner in re.findall(r"::<(\w+)>\(\)", recipe)))


def asked_for(function: str) -> set[str]:
    """The variables behind the fields of a function's `Deps`."""
    return set().union(*(settings_of(kind) for kind in privileges.parts(function)))


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
    assert ("sqs:SendMessage" in held) == bool(re.search(r"^(delay|webhook)\b", dependencies, re.MULTILINE))
    assert any(action.startswith("dynamodb:") for action in held) == bool(re.search(r"^store\b", dependencies, re.MULTILINE))


def test_whatever_durations_the_template_allows_fit_each_other():
    """`Policy::fitting` refuses what does not, when a function starts; the ranges keep a stack from getting that far."""
    parameters = cfn.load("template.yaml")["Parameters"]
    least = {name: each["MinValue"] for name, each in parameters.items() if "MinValue" in each}
    most = {name: each["MaxValue"] for name, each in parameters.items() if "MaxValue" in each}
    policy = (cfn.ROOT / "shared" / "domain" / "src" / "policy.rs").read_text()
    detection = int(re.search(r"detection: Duration::from_secs\((\d+)\)", policy).group(1))
    noticed = most["HeartbeatSeconds"] + detection
    assert noticed + most["ReconnectGraceSeconds"] <= least["InboxWindowSeconds"]
    assert noticed < least["LeaseSeconds"]
    assert max(most["ReconnectGraceSeconds"], most["FirstConnectSeconds"]) <= least["LeaseSeconds"]


def test_the_template_says_the_same_durations_as_the_code():
    parameters = cfn.load("template.yaml")["Parameters"]
    policy = (cfn.ROOT / "shared" / "domain" / "src" / "policy.rs").read_text()
    fields = {"Heartbeat": "heartbeat", "Lease": "lease", "ReconnectGrace": "reconnect_grace",
              "InboxWindow": "inbox_window", "FirstConnect": "first_connect",
              "RecordingQuiet": "recording_quiet"}
    for name, field in fields.items():
        seconds = int(re.search(rf"\b{field}: Duration::from_secs\((\d+)\)", policy).group(1))
        assert parameters[f"{name}Seconds"]["Default"] == seconds, name
