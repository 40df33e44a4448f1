"""Rows as the writer keeps them, for tests that put them into the tables by hand."""

from typing import Any

__all__ = ["stored_span"]


def stored_span(span: dict[str, Any]) -> dict[str, Any]:
    """A row of stored.spans: as given, with the duration in place of its `end_time_unix_nano`.

    A step has a name and a status, whatever was given.
    """
    start, end = span["start_time_unix_nano"], span["end_time_unix_nano"]
    lasted = end - start if 0 < start <= end < start + 2**63 else None
    kept = {name: value for name, value in span.items() if name != "end_time_unix_nano"}
    if kept.get("role") == "step" and not kept.get("is_folded"):
        kept["step_name"] = kept["name"] if kept.get("step_name") is None else kept["step_name"]
        kept["status"] = kept.get("status") or "unknown"
    return kept | {"duration_ns": lasted, "odd_end_unix_nano": end if lasted is None else None}
