#!/usr/bin/env python3
"""What a release is made of, from the files that say it.

    .ci/release.py version          the version; exit status 1 and the differences when two files disagree
    .ci/release.py notes            the changelog's section of that version
    .ci/release.py check TAG        exit status 1 unless TAG is v + the version, and the changelog has a date for it
"""

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def versions() -> dict[str, str]:
    """The version that each file says, by the file's name."""
    said = {
        "Cargo.toml": tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"],
        "sdk-js/package.json": json.loads((ROOT / "sdk-js" / "package.json").read_text())["version"],
        "sdk-js/package-lock.json": json.loads((ROOT / "sdk-js" / "package-lock.json").read_text())["version"],
        "docs/api/openapi.json": json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())["info"]["version"],
        "docs/api/asyncapi.json": json.loads((ROOT / "docs" / "api" / "asyncapi.json").read_text())["info"]["version"],
    }
    for project in ROOT.glob("sdk-csharp/**/*.csproj"):
        if found := re.search(r"<Version>(.*?)</Version>", project.read_text()):
            said[str(project.relative_to(ROOT))] = found.group(1)
    return said


def section(version: str) -> tuple[str, str]:
    """The heading of a version in the changelog, and what stands below it; both empty when there is none."""
    parts = re.split(r"^## (.*)$", (ROOT / "docs" / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    for heading, text in zip(parts[1::2], parts[2::2]):
        if heading.split()[0] == version:
            return heading, text.strip()
    return "", ""


def main(command: str, *arguments: str) -> int:
    said = versions()
    if len(set(said.values())) != 1:
        print("\n".join(f"{file}: {version}" for file, version in said.items()), file=sys.stderr)
        return 1
    (version,) = set(said.values())
    heading, notes = section(version)
    if command == "version":
        print(version)
    elif command == "notes":
        print(notes)
    elif command == "check":
        dated = re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading)
        if arguments != (f"v{version}",) or not dated:
            print(f"{' '.join(arguments) or 'no tag'} is no release: the version is {version}, and the changelog says {heading!r}", file=sys.stderr)
            return 1
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["help"]))
