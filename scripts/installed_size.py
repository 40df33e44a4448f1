"""Prints the installed size of distributions in the running environment.

    python scripts/installed_size.py [NAME …]

Sizes are MB (10^6 bytes) of disk blocks, byte code left out because it is made at run time.
"""

import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

__all__ = ["installed_bytes"]


def installed_bytes(distribution: Distribution) -> int:
    """Bytes of disk that the files of `distribution` take, without `__pycache__`; 0 if it lists none."""
    return sum(
        path.stat().st_blocks * 512
        for file in distribution.files or []
        if "__pycache__" not in file.parts and (path := Path(file.locate())).exists()
    )


def main(names: list[str]) -> None:
    """Print one line per distribution (all if no names), then the total."""
    wanted = {name.lower() for name in names}
    found = sorted(
        (found for found in distributions() if not wanted or found.name.lower() in wanted),
        key=lambda found: found.name.lower(),
    )
    sizes = [installed_bytes(distribution) for distribution in found]
    for distribution, size in zip(found, sizes, strict=True):
        print(f"{size / 1e6:8.2f} MB  {distribution.name} {distribution.version}")
    print(f"{sum(sizes) / 1e6:8.2f} MB  {len(found)} distributions")


if __name__ == "__main__":
    main(sys.argv[1:])
