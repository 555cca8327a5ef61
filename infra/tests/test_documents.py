"""What the documents name in the sources is there. (sdk-js/test/unit/documents.test.ts follows their links.)"""

import re
import subprocess

import pytest

import template as cfn

ROOT = cfn.INFRA.parent
SOURCES = ("*.rs", "*.py", "*.ts", "*.mjs")


@pytest.mark.parametrize("name", ["docs/ASVS.md", "docs/TESTING.md", "CONTRIBUTING.md", "docs/SECURITY.md"])
def test_what_a_page_names_in_the_sources_is_there(name):
    """Tests by their function's name, files and folders by their path."""
    named = re.findall(r"`([^`\s]+)`", (ROOT / name).read_text())
    for path in (each for each in named if re.fullmatch(r"(functions|shared|infra|sdk-js|coturn|localstack|docs)/[\w./-]+", each)):
        # The example of a route that is not there yet.
        assert (ROOT / path).exists() or path == "functions/session_rename", f"there is no {path}"
    for test in (each for each in named if re.fullmatch(r"[a-z]+(_[a-z0-9]+){3,}", each)):
        found = subprocess.run(["git", "grep", "--quiet", f"fn {test}(", "--", *SOURCES], cwd=ROOT)
        assert found.returncode == 0, f"there is no test {test}"
