"""How the parts of `make test` are run: side by side, shown in order, none lost."""

import io
import os
import re
import subprocess
import sys

import pytest

import template as cfn

sys.path.insert(0, str(cfn.INFRA.parent / ".ci"))

import parts  # noqa: E402
from parts import Part, Runner  # noqa: E402


def run(scripts: dict[str, str], *order: Part) -> tuple[bool, str]:
    """Runs shell scripts as parts; whether all passed, and what was shown."""
    shown = io.BytesIO()
    passed = Runner(order, lambda name: ["sh", "-c", scripts[name]], shown).run()
    return passed, shown.getvalue().decode()


def test_two_parts_run_side_by_side(tmp_path):
    # Each waits for the other's file: one after the other would never end.
    meet = f"touch {tmp_path}/$me; until [ -e {tmp_path}/$other ]; do sleep 0.05; done"
    passed, _ = run({"a": f"me=a other=b; {meet}", "b": f"me=b other=a; {meet}"}, Part("a"), Part("b"))
    assert passed


def test_output_is_whole_and_in_the_order_of_the_list(tmp_path):
    scripts = {"slow": f"echo one; until [ -e {tmp_path}/done ]; do sleep 0.05; done; echo two", "quick": f"echo three; touch {tmp_path}/done"}
    _, shown = run(scripts, Part("slow"), Part("quick"))
    assert re.findall(r"== (\w+)|^(one|two|three)$", shown, re.M) == [("slow", ""), ("", "one"), ("", "two"), ("quick", ""), ("", "three")]


def test_a_long_output_is_shown_to_its_end():
    _, shown = run({"long": "seq 100000"}, Part("long"))
    assert "\n100000\n" in shown


def test_a_part_that_fails_fails_the_whole_and_the_others_are_shown():
    passed, shown = run({"bad": "echo broken; exit 3", "good": "echo fine"}, Part("bad"), Part("good", after=("bad",)))
    assert not passed and "\nbroken\n" in shown and "\nfine\n" in shown
    assert re.search(r"^bad +FAILED ", shown, re.M) and re.search(r"^good +well ", shown, re.M)


def test_a_part_starts_after_what_it_comes_after(tmp_path):
    scripts = {"first": f"sleep 0.3; touch {tmp_path}/first", "second": f"test -e {tmp_path}/first"}
    assert run(scripts, Part("second", after=("first",)), Part("first"))[0]


def test_nothing_runs_beside_a_part_that_wants_to_be_alone(tmp_path):
    busy = f"mkdir {tmp_path}/busy && sleep 0.3 && rmdir {tmp_path}/busy"
    assert run({"other": busy, "alone": busy, "late": busy}, Part("other"), Part("alone", alone=True), Part("late", after=("other",)))[0]


def test_the_table_at_the_end_says_how_long_each_part_took():
    _, shown = run({"a": "true"}, Part("a"))
    assert re.search(r"\npart +ended +from +took\na +well +0:00 +0:0\d\nall +0:0\d\n$", shown)


def test_what_still_runs_is_ended_when_the_runner_is(monkeypatch):
    runner = Runner((Part("a"),), lambda _: ["sh", "-c", "sleep 600"], io.BytesIO())
    monkeypatch.setattr(runner, "show", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    assert runner.runs["a"].process.wait(10) != 0


def test_every_part_is_a_target_and_comes_after_parts_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (parts.ROOT / "Makefile").read_text(), re.M))
    names = {part.name for part in parts.PARTS}
    assert names <= targets
    assert all(set(part.after) <= names for part in parts.PARTS)


def test_an_unknown_part_is_refused(capsys):
    assert parts.main(["no-such-part"]) == 2
    assert "no-such-part" in capsys.readouterr().err


@pytest.mark.parametrize(("compiler", "denies"), [("1.95.0", True), ("1.950.0", False), ("1.99.0", False)])
def test_what_a_newer_compiler_warns_of_is_shown_and_fails_nobody(compiler, denies, tmp_path):
    rustc = tmp_path / "rustc"
    rustc.write_text(f"#!/bin/sh\necho 'rustc {compiler} (of a test)'\n")
    rustc.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    recipe = subprocess.run(["make", "--dry-run", "lint-rust"], cwd=cfn.ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert recipe.count("cargo clippy") == 1 and ("--deny warnings" in recipe) == denies
