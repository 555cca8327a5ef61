"""A function's package: the program and the roots that lie beside it."""

import io
import zipfile
from pathlib import Path

ROOTS = Path(__file__).resolve().parent / "amazon-roots.pem"
# The most that a cold start should have to fetch and unpack.
MAX_ZIP_BYTES = 5_000_000


def zipped_bytes(program: Path) -> int:
    """What Lambda stores for a function."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.write(program, "bootstrap")
        zipped.write(ROOTS, ROOTS.name)
    return len(archive.getvalue())
