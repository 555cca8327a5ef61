"""The documents lead to files and tests that exist."""

import re
import subprocess

import pytest

import template as cfn

ROOT = cfn.INFRA.parent
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
)
SOURCES = ("*.rs", "*.py", "*.ts", "*.mjs")


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target.read_text()), f"{link} has no such heading"


@pytest.mark.parametrize("name", ["docs/ASVS.md", "docs/TESTING.md", "docs/CONTRIBUTING.md", "docs/SECURITY.md"])
def test_what_a_page_names_in_the_sources_is_there(name):
    """Tests by their function's name, files and folders by their path."""
    named = re.findall(r"`([^`\s]+)`", (ROOT / name).read_text())
    for path in (each for each in named if re.fullmatch(r"(functions|shared|infra|sdk-js|coturn|localstack|docs)/[\w./-]+", each)):
        assert (ROOT / path).exists() or path.startswith("functions/session_rename"), f"there is no {path}"
    for test in (each for each in named if re.fullmatch(r"[a-z]+(_[a-z0-9]+){3,}", each)):
        found = subprocess.run(["git", "grep", "--quiet", f"fn {test}(", "--", *SOURCES], cwd=ROOT)
        assert found.returncode == 0, f"there is no test {test}"
