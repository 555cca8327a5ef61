#!/usr/bin/env python3
"""Makes TunRTC.Client.VERSION.nupkg from what compile.py built: a zip by the rules of OPC (ECMA-376, part 2), as
`dotnet pack` makes it. The same sources give the same bytes.

    pack.py [FOLDER]        into FOLDER, by default src/bin
"""

import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

HOME = Path(__file__).resolve().parent.parent
PROJECT = HOME / "src/TunRTC.Client.csproj"
# What ZIP can say of time begins here; the package says nothing of when it was made.
EPOCH = (1980, 1, 1, 0, 0, 0)
XML = '<?xml version="1.0" encoding="utf-8"?>\n'
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def properties() -> dict[str, str]:
    return {item.tag: (item.text or "").strip() for group in ET.parse(PROJECT).getroot() for item in group}


def nuspec(of: dict[str, str]) -> str:
    fields = {
        "id": of["PackageId"],
        "version": of["Version"],
        "authors": of["Authors"],
        "description": of["Description"],
        "tags": of["PackageTags"],
        "readme": of["PackageReadmeFile"],
    }
    lines = [f"    <{name}>{escape(text)}</{name}>" for name, text in fields.items()]
    lines.append(f'    <license type="expression">{of["PackageLicenseExpression"]}</license>')
    lines.append(f'    <repository type="{of["RepositoryType"]}" url="{of["RepositoryUrl"]}" />')
    lines.append(f'    <dependencies>\n      <group targetFramework="{of["TargetFramework"]}" />\n    </dependencies>')
    inside = "\n".join(lines)
    schema = "http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"
    return f'{XML}<package xmlns="{schema}">\n  <metadata>\n{inside}\n  </metadata>\n</package>\n'


def relationships(of: dict[str, str], core: str) -> str:
    manifest = f'<Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/{of["PackageId"]}.nuspec" Id="R1" />'
    about = f'<Relationship Type="{PACKAGE}/relationships/metadata/core-properties" Target="/{core}" Id="R2" />'
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{manifest}{about}</Relationships>\n'


def content_types(names: list[str]) -> str:
    known = {
        "rels": "application/vnd.openxmlformats-package.relationships+xml",
        "psmdcp": "application/vnd.openxmlformats-package.core-properties+xml",
    }
    endings = sorted({name.rsplit(".", 1)[1] for name in names})
    lines = "".join(f'<Default Extension="{each}" ContentType="{known.get(each, "application/octet")}" />' for each in endings)
    return f'{XML}<Types xmlns="{PACKAGE}/content-types">{lines}</Types>\n'


def core_properties(of: dict[str, str]) -> str:
    schemas = f'xmlns="{PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    inside = (
        f"<dc:creator>{escape(of['Authors'])}</dc:creator><dc:description>{escape(of['Description'])}</dc:description>"
        f"<dc:identifier>{of['PackageId']}</dc:identifier><version>{of['Version']}</version><keywords>{of['PackageTags']}</keywords>"
    )
    return f"{XML}<coreProperties {schemas}>{inside}</coreProperties>\n"


def parts(of: dict[str, str]) -> dict[str, bytes]:
    core = "package/services/metadata/core-properties/core.psmdcp"
    library = f"lib/{of['TargetFramework']}/TunRTC.Client"
    inside = {
        "_rels/.rels": relationships(of, core).encode(),
        f"{of['PackageId']}.nuspec": nuspec(of).encode(),
        f"{library}.dll": (HOME / "src/bin/TunRTC.Client.dll").read_bytes(),
        f"{library}.xml": (HOME / "src/bin/TunRTC.Client.xml").read_bytes(),
        of["PackageReadmeFile"]: (HOME / "README.md").read_bytes(),
        core: core_properties(of).encode(),
    }
    return {"[Content_Types].xml": content_types(list(inside)).encode(), **inside}


def main(folder: Path) -> None:
    of = properties()
    target = folder / f"{of['PackageId']}.{of['Version']}.nupkg"
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts(of).items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    print(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HOME / "src/bin")
