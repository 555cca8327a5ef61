#!/usr/bin/env python3
"""Looks at what others wrote and we build on: licences, sources and versions of the crates (.cargo/deny.toml), and the
known holes of crates and npm packages.

    .ci/audit.py

The lists of known holes are on the network. Where one cannot be read, that is said and the rest goes on; with
AUDIT=strict it is a failure, so that a machine that should reach them does not look away.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARGO_DENY = "0.20.2"


def cargo_deny() -> str | None:
    """The program that setup.sh installed, or one of the system's own."""
    installed = ROOT / "infra/.venv-checks/bin/cargo-deny"
    return str(installed) if installed.exists() else shutil.which("cargo-deny")


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def crates(deny: str) -> list[str]:
    """What is wrong with the crates, as cargo-deny tells it."""
    checked = run(deny, "--locked", "check", "licenses", "bans", "sources")
    return [] if checked.returncode == 0 else [checked.stderr + checked.stdout]


def holes_of_crates(deny: str) -> list[str] | None:
    """Known holes of the crates; None where their list cannot be read."""
    if run(deny, "fetch", "db").returncode != 0:
        return None
    checked = run(deny, "--locked", "check", "--disable-fetch", "advisories")
    return [] if checked.returncode == 0 else [checked.stderr + checked.stdout]


def holes_of_npm() -> list[str] | None:
    """Known holes of the SDK's tools, from "high" on (it has no runtime dependency); None where npm's list does not answer."""
    audited = run("npm", "audit", "--json", "--audit-level=high", "--fetch-retries=0", cwd=ROOT / "sdk-js")
    try:
        report = json.loads(audited.stdout)
    except ValueError:
        return None
    if "vulnerabilities" not in report:
        return None
    if audited.returncode == 0:
        return []
    return [f"npm: {name}: {hole['severity']}" for name, hole in report["vulnerabilities"].items() if hole["severity"] in ("high", "critical")]


def main() -> int:
    deny = cargo_deny()
    if deny is None:
        print(f"audit.py: cargo-deny is missing: cargo install --locked cargo-deny@{CARGO_DENY}", file=sys.stderr)
        return 2
    found = crates(deny)
    print("Licences, bans and sources of the crates:", "as they should be." if not found else "see below.")
    unread = False
    for what, holes in (("crates", holes_of_crates(deny)), ("npm packages", holes_of_npm())):
        unread |= holes is None
        print(f"Known holes of {what}:", "not looked at, their list cannot be read here." if holes is None else f"{len(holes)}.")
        found += holes or []
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found or (unread and os.environ.get("AUDIT") == "strict") else 0


if __name__ == "__main__":
    sys.exit(main())
