"""The backends of docs/APPS.md that need no library, run as they stand there: the server takes what they sign."""

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["devkey", "tunrtc-development-secret-0123456789", "user-17", "Ann", "daily"]
PHP = "<?php\n{sample}\necho join_token(...array_slice($argv, 1));\n"
GO = """package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

{sample}
func main() {{
	token, err := JoinToken(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	if err != nil {{
		panic(err)
	}}
	fmt.Print(token)
}}
"""
# PHP comes with the tests' tools. Go is too large for that, so its backend is run where somebody has it.
LANGUAGES = {"php": (PHP, ["php"]), **({"go": (GO, ["go", "run"])} if shutil.which("go") else {})}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_backend_without_a_library_signs_a_token_that_opens_the_room(address, tmp_path, language):
    program, command = LANGUAGES[language]
    sample = re.search(rf"```{language}\n(.*?)```", (ROOT / "docs" / "APPS.md").read_text(), re.DOTALL).group(1)
    source = tmp_path / f"backend.{language}"
    source.write_text(program.format(sample=sample))
    token = subprocess.run([*command, source, *ARGUMENTS], capture_output=True, text=True, check=True, timeout=60).stdout
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(f"{address}/api/session/join", b"{}", headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        joined = json.load(answer)
    assert joined["room"] == "daily"
    assert [(each["identity"], each["username"]) for each in joined["participants"]] == [("user-17", "Ann")]
