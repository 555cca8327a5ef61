#!/usr/bin/env python3
"""Compiles .csproj files without MSBuild, with the compiler that setup.py brought, each after those that it refers to.

    compile.py PROJECT.csproj...

Understands what the projects here say, and refuses what it does not know: so that a .NET SDK, which reads the same
files, does the same. Warnings are errors where the project says so. Writes bin/NAME.dll beside each project, and a
`NAME.runtimeconfig.json` for a program.
"""

import json
import shutil
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".dotnet"
FRAMEWORK = HOME / "net8/shared/Microsoft.NETCore.App"
# What has a meaning for the compiler; the others are for the package or for tools that are not here.
COMPILED = {"AssemblyName", "OutputType", "TargetFramework", "LangVersion", "Nullable", "TreatWarningsAsErrors", "NoWarn", "Version"}
COMPILED |= {"GenerateDocumentationFile", "InvariantGlobalization", "RollForward"}
IGNORED = {"ImplicitUsings", "IsAotCompatible", "RootNamespace", "IsPackable", "Deterministic", "PackageId", "Authors", "Description"}
IGNORED |= {"PackageLicenseExpression", "PackageProjectUrl", "PackageReadmeFile", "PackageTags", "RepositoryUrl", "RepositoryType"}
IGNORED |= {"SatelliteResourceLanguages", "EnableDefaultCompileItems"}


@dataclass(frozen=True)
class Project:
    path: Path
    properties: dict[str, str]
    references: tuple["Project", ...]

    @property
    def name(self) -> str:
        return self.properties.get("AssemblyName", self.path.stem)

    @property
    def target(self) -> Path:
        return self.path.parent / "bin"

    @property
    def is_program(self) -> bool:
        return self.properties.get("OutputType") == "Exe"

    def is_set(self, name: str) -> bool:
        return self.properties.get(name, "").lower() in ("true", "enable")

    def sources(self) -> list[Path]:
        folders = (self.path.parent / "bin", self.path.parent / "obj")
        files = self.path.parent.rglob("*.cs")
        return sorted(file for file in files if not any(folder in file.parents for folder in folders))


def read(path: Path) -> Project:
    properties, references = {}, []
    for group in ET.parse(path).getroot():
        for item in group:
            if group.tag == "PropertyGroup" and item.tag in COMPILED | IGNORED:
                properties[item.tag] = (item.text or "").strip()
            elif item.tag == "ProjectReference":
                references.append(read((path.parent / item.attrib["Include"].replace("\\", "/")).resolve()))
            elif item.tag not in ("InternalsVisibleTo", "None"):
                sys.exit(f"{path}: compile.py does not know {item.tag}")
    if properties.get("ImplicitUsings", "disable") != "disable":
        sys.exit(f"{path}: compile.py knows no implicit usings")
    return Project(path.resolve(), properties, tuple(references))


def in_order(projects: list[Project]) -> list[Project]:
    order: dict[Path, Project] = {}
    for project in projects:
        for each in (*in_order(list(project.references)), project):
            order.setdefault(each.path, each)
    return list(order.values())


def generated(project: Project) -> str:
    """What MSBuild would generate from the project: the version, and who sees what is internal."""
    version = project.properties.get("Version", "0.0.0")
    friends = [item.attrib["Include"] for item in ET.parse(project.path).getroot().iter("InternalsVisibleTo")]
    lines = [
        '[assembly: System.Runtime.Versioning.TargetFramework(".NETCoreApp,Version=v8.0", FrameworkDisplayName = ".NET 8.0")]',
        f'[assembly: System.Reflection.AssemblyVersion("{version}.0")]',
        f'[assembly: System.Reflection.AssemblyFileVersion("{version}.0")]',
        f'[assembly: System.Reflection.AssemblyInformationalVersion("{version}")]',
        f'[assembly: System.Reflection.AssemblyTitle("{project.name}")]',
    ]
    lines += [f'[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("{friend}")]' for friend in friends]
    return "\n".join(lines) + "\n"


def arguments(project: Project) -> list[str]:
    target = project.target / f"{project.name}.dll"
    framework = next(FRAMEWORK.glob("8.*"))
    extra = project.target / "obj" / "Generated.cs"
    extra.parent.mkdir(parents=True, exist_ok=True)
    extra.write_text(generated(project))
    options = [
        f"-out:{target}",
        f"-target:{'exe' if project.is_program else 'library'}",
        f"-langversion:{project.properties['LangVersion']}",
        "-optimize+",
        "-deterministic+",
        "-debug:portable",
        f"-pathmap:{project.path.parent}=/_",
        "-warn:8",
    ]
    if project.is_set("Nullable"):
        options.append("-nullable:enable")
    if project.is_set("TreatWarningsAsErrors"):
        options.append("-warnaserror+")
    if project.is_set("GenerateDocumentationFile"):
        options.append(f"-doc:{target.with_suffix('.xml')}")
    if project.properties.get("NoWarn"):
        options.append(f"-nowarn:{project.properties['NoWarn'].replace(';', ',')}")
    seen = in_order(list(project.references))
    files = [*framework.glob("*.dll"), *(each.target / f"{each.name}.dll" for each in seen)]
    options += [f"-reference:{file}" for file in files if is_managed(file)]
    return options + [str(file) for file in (*project.sources(), extra)]


def is_managed(file: Path) -> bool:
    return not file.name.startswith(("lib", "mscordaccore", "clr"))


def finish(project: Project) -> None:
    """What stands beside a program, so that it runs: what it refers to, and which runtime it wants."""
    for each in in_order(list(project.references)):
        for suffix in (".dll", ".pdb"):
            shutil.copy(each.target / f"{each.name}{suffix}", project.target)
    if not project.is_program:
        return
    options = {
        "tfm": "net8.0",
        "rollForward": project.properties.get("RollForward", "Minor"),
        "framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"},
    }
    if project.is_set("InvariantGlobalization"):
        options["configProperties"] = {"System.Globalization.Invariant": True}
    (project.target / f"{project.name}.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}, indent=2))


def load_compiler():
    """The compiler, inside a .NET runtime inside this process."""
    from clr_loader import get_coreclr
    from pythonnet import set_runtime

    config = HOME / "compiler.runtimeconfig.json"
    wanted = {"framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"}, "configProperties": {"System.Globalization.Invariant": True}}
    # Quick to start is better than quick in the long run: every file is compiled once.
    wanted["configProperties"] |= {"System.Runtime.TieredPGO": False}
    config.write_text(json.dumps({"runtimeOptions": wanted}))
    set_runtime(get_coreclr(runtime_config=str(config), dotnet_root=str((HOME / "net8").resolve())))
    import clr

    for name in ("Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp"):
        clr.AddReference(str(HOME / "roslyn" / f"{name}.dll"))
    import Microsoft.CodeAnalysis as roslyn

    return roslyn


def compile(roslyn, project: Project) -> bool:
    """Whether it compiles; what is wrong goes to standard error."""
    from System import Array, String
    from System.IO import File
    from System.Text import Encoding

    given = Array[String](arguments(project))
    parsed = roslyn.CSharp.CSharpCommandLineParser.Default.Parse(given, str(project.path.parent), None, None)
    trees, references = [], []
    for source in parsed.SourceFiles:
        text = roslyn.Text.SourceText.From(File.ReadAllText(source.Path), Encoding.UTF8)
        trees.append(roslyn.CSharp.CSharpSyntaxTree.ParseText(text, parsed.ParseOptions, source.Path))
    for reference in parsed.MetadataReferences:
        references.append(roslyn.MetadataReference.CreateFromFile(reference.Reference))
    compilation = roslyn.CSharp.CSharpCompilation.Create(
        project.name, Array[roslyn.SyntaxTree](trees), Array[roslyn.MetadataReference](references), parsed.CompilationOptions
    )
    target = project.target / project.name
    documents = File.Create(f"{target}.xml") if project.is_set("GenerateDocumentationFile") else None
    library, symbols = File.Create(f"{target}.dll"), File.Create(f"{target}.pdb")
    try:
        result = compilation.Emit(library, symbols, documents, options=parsed.EmitOptions)
    finally:
        for stream in (library, symbols, documents):
            if stream:
                stream.Close()
    shown = [str(each) for each in result.Diagnostics if each.Severity >= roslyn.DiagnosticSeverity.Warning and not each.IsSuppressed]
    print("\n".join(shown), end="\n" if shown else "", file=sys.stderr)
    return result.Success


def main(paths: list[str]) -> int:
    projects = in_order([read(Path(path)) for path in paths])
    roslyn = load_compiler()
    for project in projects:
        if not compile(roslyn, project):
            print(f"{project.path.name}: does not compile", file=sys.stderr)
            return 1
        finish(project)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
