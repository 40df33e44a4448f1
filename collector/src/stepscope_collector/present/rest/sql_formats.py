"""The forms in which user SQL is answered."""

from typing import Final

__all__ = ["SQL_FORMATS"]

SQL_FORMATS: Final = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
"""Format → media type of answers to user SQL."""
