"""Brings a database to the schema of this version, in one transaction.

A new database gets the statements of ddl/tables, an older one the migrations it has not seen;
both then get macros, views and the meaning of every column as its comment, unless they have them. Before a
migration touches a file that holds rows, a verified copy is put beside it.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Final

import duckdb

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import ConfigError, NewerSchema, StoreUnavailable
from stepscope_collector.store.engine import Connection, EngineError, connect
from stepscope_collector.store.files import sync
from stepscope_schema.columns import relations_of
from stepscope_schema.load import Schema

__all__ = ["apply_schema", "copy_before", "file_version", "refuse_other_tables", "row_counts"]

_MAX_LOST_AFTER_NS: Final = 2**62


def file_version(connection: Connection, schema: Schema, path: Path | None) -> int | None:
    """Version of the tables in the database; None: it is empty.

    Raises:
        ConfigError: the database belongs to another program.
        NewerSchema: a newer version of Stepscope wrote it.
    """
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where not internal order by all"
    ).fetchall()
    if not tables:
        return None
    names = [name for (name,) in tables]
    if "stored.schema_version" not in names:
        raise ConfigError(
            f"{path} is a DuckDB database of another program: it holds {', '.join(names[:3])}",
            hint="choose another directory with --data",
        )
    # All rows: a result that is not read to its end keeps its snapshot, and while there is an old one the
    # engine frees nothing of what is removed.
    asked = connection.execute("select max(version) from stored.schema_version")
    ((found,),) = asked.fetchall()
    version = int(found or 0)
    if version > schema.version:
        raise NewerSchema(
            f"{path} has schema version {version}, this version of Stepscope knows {schema.version}",
            hint="upgrade: pip install --upgrade stepscope-collector; or choose another directory "
            "with --data",
        )
    return version


def refuse_other_tables(
    connection: Connection, schema: Schema, version: int, path: Path | None, config: StoreConfig
) -> None:
    """Nothing, when the tables are those that the migrations up to `version` make.

    Before its release a version changes in place, so two builds may mean other tables by one number. Costs
    nothing where the file says that it holds all that this schema makes.

    Raises:
        ConfigError: another build made the file.
    """
    if _digest_of(connection) == _digest(schema):
        return
    with connect(None, config) as made:
        for migration in schema.migrations[:version]:
            made.execute(migration.sql)
        expected, found = _columns(made), _columns(connection)
    for table, columns in expected.items():
        present = found.get(table, {})
        if columns == present:
            continue
        differing = [
            name for name in {**columns, **present} if columns.get(name) != present.get(name)
        ]
        raise ConfigError(
            f"{path} was made by another build of this version, before its release: {table} differs in "
            f"{', '.join(differing[:5])}",
            hint="export it with the build that made it, stepscope export --format bundle -o all.zip, and import "
            "that into another directory; or choose another directory with --data",
        )


def _columns(connection: Connection) -> dict[str, dict[str, tuple[str, bool]]]:
    """Type and whether it is `not null` of each column of each table."""
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where not internal order by all"
    ).fetchall()
    asked = 'select name, type, "notnull" from pragma_table_info($table)'
    return {
        table: {
            name: (str(kind), bool(is_needed))
            for name, kind, is_needed in connection.execute(asked, {"table": table}).fetchall()
        }
        for (table,) in tables
    }


def row_counts(connection: Connection) -> dict[str, int]:
    """Rows per table of the history; the record of migrations is not history."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'stored' "
        "and table_name <> 'schema_version' order by all"
    ).fetchall()
    return {name: connection.table(f"stored.{name}").shape[0] for (name,) in tables}


def copy_before(path: Path, version: int, counts: dict[str, int], config: StoreConfig) -> Path:
    """A copy `<name>.before-v<version>` of a file that nobody has open, opened and counted.

    A copy of the same name, from an attempt that failed, is replaced once the new one is proven.

    Raises:
        StoreUnavailable: no space for the copy, or it does not hold what the original holds.
    """
    size, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    # The migration itself may write every row again.
    if free < 2 * size:
        raise StoreUnavailable(
            f"no space to copy {path} before its migration: {size} bytes, {free} bytes free, "
            f"{2 * size} needed",
            hint="make space, or move the directory to a larger disk",
        )
    copy = path.with_name(f"{path.name}.before-v{version}")
    partial = path.with_name(f"{copy.name}.partial")
    try:
        shutil.copyfile(path, partial)
        partial.chmod(0o600)
        sync(partial)
        with connect(partial, config, read_only=True) as connection:
            found = row_counts(connection)
        if found != counts:
            raise StoreUnavailable(
                f"the copy of {path} before its migration is not complete: {found}, expected {counts}",
                hint="check the disk; the database itself has not been changed",
            )
        partial.rename(copy)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)
    return copy


def apply_schema(
    connection: Connection, schema: Schema, version: int | None, *, lost_after_s: float
) -> None:
    """Make or migrate the tables, and macros, views and comments where they are others; all or nothing.

    Making hundreds of views and comments takes longer than the rest of a start (0.3 s of CPU), so the file
    says which it holds: macro `schema_digest`.

    Args:
        connection: has no transaction open.
        schema: what the database is to hold afterwards.
        version: of the tables as `file_version` told; None: the database is empty.
        lost_after_s: silence after which an open execution counts as lost, seconds.

    Raises:
        StoreUnavailable: a migration failed; the database is as it was.
    """
    digest = _digest(schema)
    is_present = version == schema.version and _digest_of(connection) == digest
    connection.execute("begin transaction")
    try:
        if version is None:
            for statement in schema.of("tables"):
                connection.execute(statement.sql)
        for migration in schema.migrations[version or 0 :]:
            if version is not None:
                _migrate(connection, migration.sql, f"{migration.version:04}_{migration.name}")
            connection.execute(
                "insert into stored.schema_version values "
                "($version, $name, (current_timestamp at time zone 'UTC')::timestamp_ns)",
                {"version": migration.version, "name": migration.name},
            )
        if not is_present:
            for statement in schema.of("macros"):
                connection.execute(statement.sql)
        limit = min(int(lost_after_s * 1e9), _MAX_LOST_AFTER_NS)
        connection.execute(f"create or replace macro lost_after_ns() as cast({limit} as ubigint)")
        if not is_present:
            for statement in schema.of("views"):
                connection.execute(statement.sql)
            connection.execute(_comments(schema))
            connection.execute(f"create or replace macro schema_digest() as '{digest}'")
        connection.execute("commit")
    except BaseException:
        _roll_back(connection)
        raise


def _digest(schema: Schema) -> str:
    """What macros, views and comments are made from, and by which engine, in 64 hex digits."""
    text = "\0".join(each.sql for kind in ("tables", "macros", "views") for each in schema.of(kind))
    return hashlib.sha256(f"{duckdb.__version__}\0{text}".encode()).hexdigest()


def _digest_of(connection: Connection) -> str | None:
    """The digest of what the file holds; None: it does not say."""
    try:
        ((digest,),) = connection.execute("select schema_digest()").fetchall()
    except EngineError:
        return None
    return str(digest)


def _migrate(connection: Connection, sql: str, name: str) -> None:
    try:
        connection.execute(sql)
    except EngineError as error:
        raise StoreUnavailable(
            f"migration {name} failed, the database has not been changed: {error}",
            hint="this version cannot open the file; go back to the one before and report this",
        ) from error


def _roll_back(connection: Connection) -> None:
    try:
        connection.execute("rollback")
    except EngineError:
        # The commit itself failed and ended the transaction; its error is the one that counts.
        return


def _comments(schema: Schema) -> str:
    lines = []
    for relation in relations_of(schema):
        name = f'{relation.schema}."{relation.name}"'
        lines.append(f"comment on {relation.kind} {name} is {_literal(relation.meaning)};")
        lines += [
            f'comment on column {name}."{column.name}" is {_literal(column.meaning)};'
            for column in relation.columns
        ]
    return "\n".join(lines)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
