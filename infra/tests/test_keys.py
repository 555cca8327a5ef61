"""The operator's command for API keys: what it sends, and what it shows of the answer."""

import io
import json
import sys
from pathlib import Path

import pytest

import template as cfn

sys.path.insert(0, str(cfn.INFRA))

import keys  # noqa: E402
import rotate_secret  # noqa: E402


class FakeSession:
    """A session whose Lambda client answers every invocation with the same."""

    def __init__(self, answer: dict, error: bool = False) -> None:
        self.answer, self.error, self.sent = answer, error, []

    def client(self, service: str, endpoint_url: str | None = None) -> "FakeSession":
        assert service == "lambda"
        return self

    def invoke(self, FunctionName: str, Payload: bytes) -> dict:
        self.sent.append((FunctionName, json.loads(Payload)))
        answered = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return answered | ({"FunctionError": "Unhandled"} if self.error else {})


def sent(*arguments: str) -> dict:
    return keys.command(keys.parse(list(arguments)))


def test_what_was_not_given_is_not_sent():
    assert sent("create", "--project", "acme") == {"action": "create", "project": "acme"}
    every = sent(
        "create", "--project", "acme", "--grant", "roomJoin", "--grant", "roomList", "--room-prefix", "a-",
        "--max-token-seconds", "600", "--ends-at", "2027-01-01T00:00:00Z", "--no-auto-create",
    )  # fmt: skip
    assert every == {
        "action": "create", "project": "acme", "grants": ["roomJoin", "roomList"], "roomPrefix": "a-",
        "maxTokenSeconds": 600, "endsAt": "2027-01-01T00:00:00Z", "autoCreate": False,
    }  # fmt: skip
    assert sent("list") == {"action": "list"}
    assert sent("disable", "TK1") == {"action": "disable", "key": "TK1"}


def test_the_function_of_the_stack_is_asked():
    session = FakeSession({"disabled": "TK1"})
    assert keys.shown(keys.ask(session, "tunrtc", {"action": "disable", "key": "TK1"})) == "TK1 is disabled"
    assert session.sent == [("tunrtc-api_keys", {"action": "disable", "key": "TK1"})]


def test_a_new_key_is_shown_as_lines_of_a_file_of_settings_and_a_list_as_a_line_each():
    assert keys.shown({"created": {"key": "TK1", "secret": "s"}}) == "TUNRTC_API_KEY=TK1\nTUNRTC_API_SECRET=s"
    key = {"key": "TK1", "project": "acme", "createdAt": "2026-01-01T00:00:00.000Z"}
    disabled = key | {"disabledAt": "2026-01-02T00:00:00.000Z"}
    assert keys.shown({"keys": [key, disabled]}).splitlines() == [
        "TK1  acme  2026-01-01T00:00:00.000Z  active",
        "TK1  acme  2026-01-01T00:00:00.000Z  disabled 2026-01-02T00:00:00.000Z",
    ]


@pytest.mark.parametrize(("answer", "error"), [({"refused": "key is not known"}, False), ({"errorMessage": "it timed out"}, True)])
def test_what_is_refused_and_what_fails_says_why(answer, error):
    with pytest.raises(keys.Refused, match="key is not known|it timed out"):
        keys.ask(FakeSession(answer, error), "tunrtc", {"action": "list"})


def test_keys_are_sealed_anew_before_the_old_secret_is_forgotten():
    """`reseal` is asked for where `retire` drops the previous secret, and there alone."""
    source = Path(rotate_secret.__file__).read_text()
    assert source.index('{"action": "reseal"}') < source.index("manager.put_secret_value")
    assert source.count('"reseal"') == 1
