#!/usr/bin/env python3
"""What a release is made of, from the files that say it.

    .ci/release.py version          the version; exit status 1 and the differences when two files disagree
    .ci/release.py set VERSION      writes the version into all of them
    .ci/release.py notes            the changelog's section of that version, or of what is unreleased
    .ci/release.py check TAG        exit status 1 unless TAG is v + the version, and the changelog has a date for it
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


VERSION = r"\d+\.\d+\.\d+"
#: Where a version stands, by file: what comes before it and what after it, each place once.
PLACES = {
    "Cargo.toml": [(r'\[workspace\.package\][^\[]*?\nversion = "', '"')],
    "sdk-js/package.json": [(r'\n  "version": "', '"')],
    "sdk-js/package-lock.json": [(r'^\{\n  "name": "tunrtc-client",\n  "version": "', '"'), (r'"": \{\n      "name": "tunrtc-client",\n      "version": "', '"')],
    "sdk-js/src/report/machine.ts": [(r"'js ", "'")],
    "sdk-js/console/reference/examples.json": [(r'"version": "', '"')],
    "docs/api/openapi.json": [(r'\n    "version": "', '"')],
    "docs/api/asyncapi.json": [(r'\n    "version": "', '"')],
    "localstack/Dockerfile": [(r'image\.version="', '"')],
    "docs/SELF_HOSTING.md": [(r"`TUNRTC_VERSION=", "`")],
    "sdk-csharp/src/TunRTC.Client.csproj": [(r"<Version>", "</Version>")],
    "sdk-csharp/README.md": [(r"TunRTC\.Client\.", r"\.nupkg")],
    "sdk-csharp/test/Unit/PackageTests.cs": [(r"TunRTC\.Client\.", r"\.nupkg")],
}


def patterns(file: str) -> list[re.Pattern[str]]:
    return [re.compile(f"({before})({VERSION})(?={after})") for before, after in PLACES[file]]


def versions() -> dict[str, str]:
    """The version that each file says, by the file's name; of a place that is not there, nothing."""
    said = {}
    for file in PLACES:
        text = (ROOT / file).read_text()
        for number, pattern in enumerate(patterns(file)):
            found = pattern.findall(text)
            said[f"{file}, place {number + 1}" if number else file] = found[0][1] if len(found) == 1 else ""
    return said


def put(version: str) -> None:
    """Writes the version into every file, and into the lock file for our own crates, which have no source."""
    for file in PLACES:
        text = (ROOT / file).read_text()
        for pattern in patterns(file):
            text = pattern.sub(rf"\g<1>{version}", text)
        (ROOT / file).write_text(text)
    lock = ROOT / "Cargo.lock"
    own = re.compile(rf'(\[\[package\]\]\nname = "[^"]+"\nversion = "){VERSION}("\n(?!source))')
    lock.write_text(own.sub(rf"\g<1>{version}\g<2>", lock.read_text()))


def section(version: str) -> tuple[str, str]:
    """The heading of a version in the changelog, or of what is unreleased, and what stands below it."""
    parts = re.split(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2]))
    heading = next((each for each in found if each.startswith(f"[{version}]")), "[Unreleased]")
    return heading, found.get(heading, "").strip()


def main(command: str, *arguments: str) -> int:
    if command == "set" and len(arguments) == 1 and re.fullmatch(VERSION, arguments[0]):
        put(arguments[0])
    said = versions()
    if len(set(said.values())) != 1:
        print("\n".join(f"{file}: {version}" for file, version in said.items()), file=sys.stderr)
        return 1
    (version,) = set(said.values())
    heading, notes = section(version)
    if command in ("version", "set"):
        print(version)
    elif command == "notes":
        print(notes)
    elif command == "check":
        dated = re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", heading)
        if arguments != (f"v{version}",) or not dated:
            print(f"{' '.join(arguments) or 'no tag'} is no release: the version is {version}, and the changelog says {heading!r}", file=sys.stderr)
            return 1
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["help"]))
