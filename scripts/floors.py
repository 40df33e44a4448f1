"""Prints the oldest version that the three packages allow of each dependency, as constraints for pip.

python scripts/floors.py
"""

import re
import tomllib
from pathlib import Path

__all__ = ["dependencies", "floors"]

ROOT = Path(__file__).parents[1]
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?>=(?P<floor>[0-9.]+)")


def dependencies(package: Path) -> list[str]:
    """Requirements of the package in folder `package`, those of its extras included, in file order."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(each for extra in extras.values() for each in extra)]


def floors(requirements: list[str]) -> list[str]:
    """`name==floor` for each requirement, sorted, without our own packages; `ValueError` for one without floor."""
    pins = set()
    for requirement in requirements:
        if requirement.startswith("stepscope"):
            continue
        match = _REQUIREMENT.match(requirement)
        if match is None:
            raise ValueError(
                f"requirement {requirement!r} has no floor; write {requirement}>=VERSION"
            )
        pins.add(f"{match['name']}=={match['floor']}")
    return sorted(pins)


if __name__ == "__main__":
    packages = ("schema", "exporter", "collector")
    print("\n".join(floors([each for name in packages for each in dependencies(ROOT / name)])))
