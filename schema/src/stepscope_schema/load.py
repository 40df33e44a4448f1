"""The SQL of the database, read from the packaged files: tables, macros, views and migrations.

`ddl/<kind>/ORDER` names the statements of a kind in order of creation, one file each. Views that
differ in names only are made from a file of `ddl/templates`, see its `views.toml`.
`migrations/NNNN_name.sql` lead from one version of the tables to the next, forward only. A new
file gets the statements of `ddl/tables`, an older one the migrations it has not seen; a test
holds both to the same result. Macros and views hold no data: they are `create or replace` and
made again when a database is opened that holds others, so no migration speaks of them.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Final, Literal, get_args

__all__ = ["KINDS", "Kind", "Migration", "Schema", "Statement", "load_schema", "read_schema"]

Kind = Literal["tables", "macros", "views"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""In order of creation."""

_MIGRATION = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Statement:
    """One `create` statement; `name` is the object's, with its schema unless that is main."""

    kind: Kind
    name: str
    sql: str

    @property
    def header(self) -> str:
        """The comment the file begins with, as one line of text: what the object is for."""
        lines: list[str] = []
        for line in self.sql.splitlines():
            if not line.startswith("--"):
                break
            lines.append(line.removeprefix("--").strip())
        return " ".join(lines)


@dataclass(frozen=True, slots=True)
class Migration:
    """The way from version - 1 of the tables to `version`; one or more statements."""

    version: int
    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything a database holds before any data."""

    statements: tuple[Statement, ...]
    """In order of creation."""
    migrations: tuple[Migration, ...]
    """Versions 1 to n without gap."""

    @property
    def version(self) -> int:
        """Version of the tables: that of the last migration."""
        return self.migrations[-1].version

    def of(self, kind: Kind) -> tuple[Statement, ...]:
        """The statements of one kind, in order of creation."""
        return tuple(statement for statement in self.statements if statement.kind == kind)


@cache
def load_schema() -> Schema:
    """The schema of this version of the package."""
    return read_schema(files("stepscope_schema"))


def read_schema(root: Traversable) -> Schema:
    """The schema below `root`.

    Raises:
        ValueError: an ORDER file and its folder disagree, a template lacks the value of a
            placeholder, a migration has a wrong name, or the numbers of the migrations have a gap.
    """
    ddl = root / "ddl"
    made = {"views": _from_templates(ddl / "templates")}
    return Schema(
        statements=tuple(
            statement
            for kind in KINDS
            for statement in _statements(ddl / kind, kind, made.get(kind, {}))
        ),
        migrations=_migrations(root / "migrations"),
    )


def _statements(folder: Traversable, kind: Kind, made: dict[str, str]) -> Iterator[Statement]:
    """The statements of the files in `folder` and those `made` from templates, in the order of ORDER."""
    order = (folder / "ORDER").read_text(encoding="utf-8").split()
    found = {
        entry.name.removesuffix(".sql"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    }
    if both := sorted(found.keys() & made.keys()):
        raise ValueError(f"ddl/{kind} has a file and a template for {', '.join(both)}; delete one")
    found |= made
    if repeated := sorted({name for name in order if order.count(name) > 1}):
        raise ValueError(f"ddl/{kind}/ORDER names {', '.join(repeated)} more than once")
    if dangling := sorted(set(order) - found.keys()):
        raise ValueError(f"ddl/{kind}/ORDER names {', '.join(dangling)}, which has no file")
    if orphans := sorted(found.keys() - set(order)):
        raise ValueError(f"ddl/{kind}/ORDER does not name {', '.join(orphans)}; add it")
    for name in order:
        yield Statement(kind, name, found[name])


def _from_templates(folder: Traversable) -> dict[str, str]:
    """The SQL of every view that views.toml names, by its name; empty without the folder."""
    if not folder.is_dir():
        return {}
    listed = tomllib.loads((folder / "views.toml").read_text(encoding="utf-8"))
    made = {}
    for view, made_from in listed["views"].items():
        template = Template((folder / f"{made_from['template']}.sql").read_text(encoding="utf-8"))
        values = {"view": view}
        for group in made_from["groups"]:
            values |= listed["groups"][group]
        try:
            made[view] = template.substitute(values)
        except KeyError as error:
            raise ValueError(
                f"ddl/templates/views.toml gives {view} no value of {error}; add it"
            ) from error
    return made


def _migrations(folder: Traversable) -> tuple[Migration, ...]:
    found = []
    for entry in folder.iterdir():
        if not entry.name.endswith(".sql"):
            continue
        match = _MIGRATION.fullmatch(entry.name)
        if match is None:
            raise ValueError(f"migrations/{entry.name} is not named NNNN_name.sql")
        found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.version)
    numbers = [migration.version for migration in found]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"migrations are numbered {numbers}; they must count from 1 without gap")
    return tuple(found)
