"""The inputs that are kept: those that together reach all the code the fuzzer has reached, and those that once failed.

One archive per target, because there are hundreds of small ones; what has failed stands as a file each in regressions/.
"""

import zipfile
from pathlib import Path
from typing import Final

__all__ = ["CORPUS", "REGRESSIONS", "kept", "pack", "regressions", "unpack"]

CORPUS: Final = Path(__file__).parent / "corpus"
"""<target>.zip"""
REGRESSIONS: Final = Path(__file__).parent / "regressions"
"""<target>/<what was wrong>.bin"""

_NO_DATE: Final = (1980, 1, 1, 0, 0, 0)


def kept(target: str) -> dict[str, bytes]:
    """Name → input; empty where nothing has been kept yet."""
    path = CORPUS / f"{target}.zip"
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def regressions(target: str) -> dict[str, bytes]:
    """Name → input."""
    return {path.stem: path.read_bytes() for path in sorted((REGRESSIONS / target).glob("*.bin"))}


def unpack(target: str, folder: Path) -> None:
    """Write all inputs of a target into a folder, as the fuzzer wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (kept(target) | regressions(target)).items():
        (folder / name).write_bytes(data)


def pack(target: str, folder: Path) -> None:
    """Keep the inputs in a folder, and no others; the same inputs give the same archive."""
    CORPUS.mkdir(exist_ok=True)
    with zipfile.ZipFile(CORPUS / f"{target}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.writestr(
                zipfile.ZipInfo(path.name, _NO_DATE), path.read_bytes(), zipfile.ZIP_DEFLATED
            )
