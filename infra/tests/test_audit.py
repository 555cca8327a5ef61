"""What .ci/audit.py makes of the answers of cargo-deny and npm."""

import json
import sys

import pytest

import template as cfn

sys.path.insert(0, str(cfn.INFRA.parent / ".ci"))

import audit  # noqa: E402

CLEAN = {"auditReportVersion": 2, "vulnerabilities": {}}
HOLE = {"auditReportVersion": 2, "vulnerabilities": {"leftpad": {"severity": "high"}, "rightpad": {"severity": "low"}}}
REFUSED = {"message": "405 Method Not Allowed", "error": {"summary": "", "detail": ""}}


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Programs in place of cargo-deny and npm. Called with what each should answer."""

    def program(name: str, script: str) -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def answers(crates: int = 0, fetched: int = 0, advisories: int = 0, npm: dict | str = CLEAN) -> None:
        deny = f'case "$*" in *fetch\\ db*) exit {fetched};; *advisories*) echo an-advisory; exit {advisories};; *) echo a-licence; exit {crates};; esac'
        monkeypatch.setattr(audit, "cargo_deny", lambda: program("cargo-deny", deny))
        (tmp_path / "answer").write_text(npm if isinstance(npm, str) else json.dumps(npm))
        program("npm", f"cat {tmp_path}/answer; exit {0 if npm == CLEAN else 1}")
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.delenv("AUDIT", raising=False)

    return answers


def test_nothing_found_is_well(answers):
    answers()
    assert audit.main() == 0


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"crates": 1}, "a-licence"),
        ({"advisories": 1}, "an-advisory"),
        ({"npm": HOLE}, "leftpad: high"),
    ],
)
def test_what_is_found_fails_and_is_shown(answers, capsys, found, says):
    answers(**found)
    assert audit.main() == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("unreachable", [{"fetched": 1}, {"npm": REFUSED}, {"npm": "<html>"}])
def test_a_list_that_cannot_be_read_is_said_and_fails_only_where_it_must(answers, capsys, monkeypatch, unreachable):
    answers(**unreachable)
    assert audit.main() == 0
    assert "not looked at" in capsys.readouterr().out
    monkeypatch.setenv("AUDIT", "strict")
    assert audit.main() == 1


def test_a_hole_in_one_list_is_shown_when_the_other_cannot_be_read(answers, capsys):
    answers(fetched=1, npm=HOLE)
    assert audit.main() == 1
    assert "leftpad" in capsys.readouterr().err


def test_a_missing_cargo_deny_is_named_with_how_to_get_it(answers, capsys, monkeypatch):
    answers()
    monkeypatch.setattr(audit, "cargo_deny", lambda: None)
    assert audit.main() == 2
    assert "cargo install --locked cargo-deny@" in capsys.readouterr().err
