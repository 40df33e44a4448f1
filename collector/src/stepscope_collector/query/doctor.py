"""How the store is: versions, sizes, row counts."""

from typing import Any

from stepscope_collector.query.load import sql
from stepscope_collector.store.database import Database

__all__ = ["store_report"]


def store_report(database: Database) -> dict[str, Any]:
    """Rows per table, bytes on disk, versions.

    Sizes in bytes; `wal_bytes` is what a checkpoint will fold into the file.
    """
    with database.read() as connection:
        counts = connection.execute(sql("doctor/counts"))
        names = [column[0] for column in counts.description or ()]
        report: dict[str, Any] = dict(zip(names, counts.fetchone() or (), strict=True))
        size = connection.execute(sql("doctor/size"))
        names = [column[0] for column in size.description or ()]
        report |= dict(zip(names, size.fetchone() or (), strict=True))
    newest = report["newest_ingested_at"]
    report["newest_ingested_at"] = None if newest is None else f"{newest.isoformat()}Z"
    report["path"] = None if database.path is None else str(database.path)
    if database.path is not None:
        wal = database.path.with_name(database.path.name + ".wal")
        report["wal_bytes"] = wal.stat().st_size if wal.exists() else 0
    return report
