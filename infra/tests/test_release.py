"""What a release is made of: one version, notes, the image's recipe, workflows and packages; as far as that runs offline."""

import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

import template as cfn

sys.path.insert(0, str(cfn.ROOT / ".ci"))

import release  # noqa: E402

WORKFLOWS = sorted((cfn.ROOT / ".github" / "workflows").glob("*.yml"))


def test_every_file_says_the_same_version_and_the_changelog_has_it():
    (version,) = set(release.versions().values())
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    heading, notes = release.section(version)
    assert heading and re.match(r"### (Added|Changed|Deprecated|Removed|Fixed|Security)\n\n- ", notes)


def test_a_release_needs_the_tag_of_its_version_and_a_date(monkeypatch, capsys):
    (version,) = set(release.versions().values())
    monkeypatch.setattr(release, "section", lambda _: (f"[{version}] - 2026-12-01", "- What is new."))
    assert release.main("check", f"v{version}") == 0
    assert release.main("check", "v9.9.9") == 1
    monkeypatch.setattr(release, "section", lambda _: ("[Unreleased]", "- What is new."))
    assert release.main("check", f"v{version}") == 1
    assert "Unreleased" in capsys.readouterr().err


def test_a_version_is_set_in_every_file_and_for_our_own_crates_alone(monkeypatch, tmp_path):
    for file in [*release.PLACES, "Cargo.lock", "CHANGELOG.md"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text((cfn.ROOT / file).read_text())
    monkeypatch.setattr(release, "ROOT", tmp_path)
    before = tomllib.loads((tmp_path / "Cargo.lock").read_text())["package"]
    assert release.main("set", "7.8.9") == 0
    assert set(release.versions().values()) == {"7.8.9"}
    after = tomllib.loads((tmp_path / "Cargo.lock").read_text())["package"]
    assert all(one["version"] == (other["version"] if "source" in one else "7.8.9") for one, other in zip(after, before))


def test_files_that_disagree_are_named(monkeypatch, capsys):
    monkeypatch.setattr(release, "versions", lambda: {"Cargo.toml": "0.2.0", "sdk-js/package.json": "0.1.0"})
    assert release.main("version") == 1
    assert "sdk-js/package.json: 0.1.0" in capsys.readouterr().err


# -- The image ------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile and what they say, continued lines joined."""
    text = (cfn.ROOT / "localstack" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def test_the_image_is_built_in_stages_and_its_last_one_is_small_and_not_root():
    said = instructions()
    stages = [index for index, (name, _) in enumerate(said) if name == "FROM"]
    named = [said[index][1].split(" AS ")[1] for index in stages[:-1]]
    copied = {match.group(1) for name, text in said if name == "COPY" and (match := re.search(r"--from=(\w+)", text))}
    assert copied == set(named)
    last = dict(said[stages[-1] :])
    assert last["FROM"].endswith("-slim")
    assert last["USER"] not in ("root", "0", "0:0")
    assert json.loads(last["HEALTHCHECK"].split("CMD ")[1]) == ["tunrtc", "health"]
    assert json.loads(last["ENTRYPOINT"]) == ["tunrtc"]
    pinned = [text for name, text in said if name == "FROM"]
    assert all(":" in image and ":latest" not in image for image in pinned)


def test_what_the_image_copies_is_there_and_not_ignored():
    ignored = (cfn.ROOT / ".dockerignore").read_text().split()
    assert {".git", "target", "**/node_modules", "**/.env"} <= set(ignored)
    sources = [text.split()[:-1] for name, text in instructions() if name == "COPY" and "--from" not in text]
    assert all((cfn.ROOT / source).exists() for files in sources for source in files)


def test_the_image_builds_with_the_rust_that_is_asked_for():
    rust = re.search(r'rust-version = "([\d.]+)"', (cfn.ROOT / "Cargo.toml").read_text()).group(1)
    assert any(name == "FROM" and text.startswith(f"rust:{rust}-") for name, text in instructions())
    # The file for developers asks for another one, which the image would fetch.
    assert "rust-toolchain.toml" in (cfn.ROOT / ".dockerignore").read_text().split()


def test_the_oldest_rust_that_is_allowed_is_what_is_tested_and_released():
    rust = re.search(r'rust-version = "([\d.]+)"', (cfn.ROOT / "Cargo.toml").read_text()).group(1)
    for name, job in [("ci.yml", "test"), ("release.yml", "program")]:
        jobs = yaml.safe_load((cfn.ROOT / ".github" / "workflows" / name).read_text())["jobs"]
        assert jobs[job]["env"]["RUSTUP_TOOLCHAIN"] == rust
    assert tomllib.loads((cfn.ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"] == "stable"


def test_every_place_that_names_a_version_of_node_names_the_same():
    node = (cfn.ROOT / ".nvmrc").read_text().strip()
    devcontainer = json.loads((cfn.ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert devcontainer["features"]["ghcr.io/devcontainers/features/node:1"]["version"] == node
    assert json.loads((cfn.ROOT / "sdk-js" / "package.json").read_text())["engines"]["node"] == f">={node}"
    assert f"node-version: {node}" in (cfn.ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_who_is_asked_for_a_review_is_asked_about_what_is_there():
    lines = [line.split() for line in (cfn.ROOT / ".github" / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0][0] == "*" and all(owner.startswith("@") for _, *owners in lines for owner in owners)
    assert all((cfn.ROOT / path.strip("/")).is_dir() for path, *_ in lines[1:])


def test_templates_ask_and_renovate_watches_everything_that_is_locked():
    templates = [yaml.safe_load(path.read_text()) for path in sorted((cfn.ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))]
    assert templates and all(template["name"] and template["body"] for template in templates)
    assert (cfn.ROOT / ".github" / "pull_request_template.md").read_text().strip()
    renovate = json.loads((cfn.ROOT / ".github" / "renovate.json").read_text())
    assert "config:recommended" in renovate["extends"] and renovate["lockFileMaintenance"]["enabled"]
    languages = yaml.safe_load((cfn.ROOT / ".github" / "workflows" / "codeql.yml").read_text())["jobs"]["analyze"]["strategy"]["matrix"]["language"]
    assert {"rust", "javascript-typescript", "csharp", "python", "actions"} == set(languages)


# -- A server of one's own ---------------------------------------------------------------------------------------------


def compose() -> dict:
    return yaml.safe_load((cfn.ROOT / "localstack" / "compose.yaml").read_text())


def test_containers_run_without_privileges_and_on_a_system_that_they_cannot_change():
    for name, service in compose()["services"].items():
        if "extends" in service:
            held = yaml.safe_load((cfn.ROOT / "localstack" / service["extends"]["file"]).resolve().read_text())
            service = held["services"][service["extends"]["service"]] | service
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_the_server_believes_the_network_of_its_proxy_alone():
    (network,) = compose()["networks"]["default"]["ipam"]["config"]
    assert compose()["services"]["tunrtc"]["environment"]["TUNRTC_TRUSTED_PROXIES"] == network["subnet"]
    assert "ports" not in compose()["services"]["tunrtc"]


def test_every_setting_of_compose_and_of_the_image_is_one_that_the_program_has():
    source = (cfn.ROOT / "localstack" / "gateway" / "src" / "main.rs").read_text()
    settings = (cfn.ROOT / "shared" / "config" / "src" / "settings.rs").read_text()
    known = set(re.findall(r'"(TUNRTC_\w+)"', source + settings))
    image = {pair.split("=")[0] for name, text in instructions() if name == "ENV" for pair in text.split()}
    assert set(compose()["services"]["tunrtc"]["environment"]) | image <= known


def test_the_unit_starts_the_program_with_options_that_it_has():
    unit = (cfn.ROOT / "localstack" / "tunrtc.service").read_text()
    options = re.findall(r"--([\w-]+)", re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE).group(1))
    source = (cfn.ROOT / "localstack" / "gateway" / "src" / "main.rs").read_text()
    assert options and all(re.search(rf"^    {option.replace('-', '_')}: ", source, re.MULTILINE) for option in options)
    assert "DynamicUser=yes" in unit and "ProtectSystem=strict" in unit


# -- Workflows and packages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_say_what_they_may_do_and_use_versions(path):
    workflow = yaml.safe_load(path.read_text())
    assert "permissions" in workflow
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(re.search(r"@v\d+$", step["uses"]) for step in steps if "uses" in step)
    for command in (step["run"] for step in steps if "run" in step):
        assert all((cfn.ROOT / script).exists() for script in re.findall(r"\.ci/[\w.]+", command))


def test_jobs_of_a_release_wait_for_jobs_that_exist():
    jobs = yaml.safe_load((cfn.ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]
    waited = {need for job in jobs.values() for need in cfn.as_list(job.get("needs", []))}
    assert waited <= set(jobs) and "check" in waited


def test_the_package_of_the_sdk_holds_what_it_promises():
    packed = subprocess.run(["npm", "pack", "--dry-run", "--json"], cwd=cfn.ROOT / "sdk-js", capture_output=True, text=True, timeout=120, check=True)
    files = {file["path"] for file in json.loads(packed.stdout)[0]["files"]}
    manifest = json.loads((cfn.ROOT / "sdk-js" / "package.json").read_text())
    assert {"README.md", "LICENSE", "package.json", manifest["main"].removeprefix("./"), manifest["types"].removeprefix("./")} <= files
    assert not [path for path in files if path.startswith(("src/", "test/", "console/"))]
