"""How the store is: versions, sizes, row counts."""

from dataclasses import asdict
from typing import Any

from stepscope_collector.query.load import sql
from stepscope_collector.store.aside import SetAside, files_aside
from stepscope_collector.store.database import Database
from stepscope_collector.telemetry.values import Sample

__all__ = ["backup_report", "damage_report", "store_report", "store_samples"]


def store_report(database: Database) -> dict[str, Any]:
    """Rows per table, bytes on disk, versions.

    Sizes in bytes; `wal_bytes` is what a checkpoint will fold into the file.
    """
    with database.read() as connection:
        counts = connection.execute(sql("doctor/counts"))
        names = [column[0] for column in counts.description or ()]
        report: dict[str, Any] = dict(zip(names, counts.fetchall()[0], strict=True))
        size = connection.execute(sql("doctor/size"))
        names = [column[0] for column in size.description or ()]
        report |= dict(zip(names, size.fetchall()[0], strict=True))
    newest = report["newest_ingested_at"]
    report["newest_ingested_at"] = None if newest is None else f"{newest.isoformat()}Z"
    report["path"] = None if database.path is None else str(database.path)
    if database.path is not None:
        wal = database.path.with_name(database.path.name + ".wal")
        report["wal_bytes"] = wal.stat().st_size if wal.exists() else 0
    return report


def backup_report(database: Database) -> dict[str, Any]:
    """How far the backup is that is being made; nothing when there is none."""
    progress = database.backup_progress()
    if progress is None:
        return {}
    return {"backup": dict(zip(("written_bytes", "database_bytes"), progress, strict=True))}


def damage_report(database: Database) -> list[dict[str, Any]]:
    """Damage of the history: what a reader met, and files that lie aside; oldest first.

    A file that was mended or given up is no longer told of once it is moved out of the directory.
    """
    if database.path is None:
        return []
    found = [asdict(each) for each in files_aside(database.path)]
    if database.damage is not None:
        size = database.path.stat().st_size
        found.append(asdict(SetAside(database.path.name, size, database.damage)))
    return found


def store_samples(database: Database) -> dict[str, list[Sample]]:
    """The metrics that describe the store; sizes are absent when it is in memory."""
    with database.read() as connection:
        ((open_executions,),) = connection.execute(sql("doctor/open")).fetchall()
    found = {
        "stepscope_open_executions": [Sample((), open_executions)],
        "stepscope_overdue_sql": [Sample((), database.overdue)],
    }
    if database.path is not None:
        wal = database.path.with_name(database.path.name + ".wal")
        for name, path in (("database", database.path), ("wal", wal)):
            size = path.stat().st_size if path.exists() else 0
            found[f"stepscope_{name}_bytes"] = [Sample((), size)]
    return found
