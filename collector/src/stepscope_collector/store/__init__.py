"""Sole owner of the DuckDB database: opening, migrations, connections, writing.

Nothing else imports duckdb; rooms above use the names below.
"""

from stepscope_collector.store.database import DATABASE_NAME, Database
from stepscope_collector.store.engine import (
    LATE_ROWS,
    Connection,
    EngineError,
    Interrupted,
    tokens_of,
)

__all__ = [
    "DATABASE_NAME",
    "LATE_ROWS",
    "Connection",
    "Database",
    "EngineError",
    "Interrupted",
    "tokens_of",
]
