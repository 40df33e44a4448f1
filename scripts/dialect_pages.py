"""The generated parts of docs/dialects: the index, and what each engine does not emit.

The rest of a page is written by hand: this reads it and writes anew what stands below its last
heading.
"""

from pathlib import Path
from typing import Final

from stepscope_collector.mapping.profile import Profile, load_shipped

__all__ = ["FOLDER", "dialect_pages"]

FOLDER: Final = "docs/dialects"
_ROOT: Final = Path(__file__).parents[1]
_HEADING: Final = "## What it does not emit\n"
_INDEX: Final = """# Dialects

How each engine and SDK writes its spans, and what they become here. Point the engine at the collector (OTLP/gRPC on port 4317,
OTLP/HTTP on 4318) and its executions and steps appear; nothing needs to be said about which engine it is. One trace may hold
several dialects.

An engine that is not listed: its traces are useful all the same, see [any OpenTelemetry trace](otel.md); and
[a profile of your own](profiles.md) takes ten minutes.

| spans of | page |
| --- | --- |
{rows}
No engine of these emits traces of executions: GitLab CI, Camunda 8 (Zeebe), Apache Spark and Beam. What runs in them can be
instrumented with the [SDK](../exporter.md).
"""


def dialect_pages() -> dict[str, str]:
    """Path from the root of the repository to text, for the index and the page of every profile."""
    profiles = sorted(load_shipped(), key=lambda profile: profile.description.lower())
    rows = "".join(f"| {each.description} | [{each.name}]({each.name}.md) |\n" for each in profiles)
    pages = {f"{FOLDER}/README.md": _INDEX.format(rows=rows)}
    for profile in profiles:
        name = f"{FOLDER}/{profile.name}.md"
        written = (_ROOT / name).read_text(encoding="utf-8")
        pages[name] = written.partition(_HEADING)[0] + _HEADING + "\n" + _not_emitted(profile)
    return pages


def _not_emitted(profile: Profile) -> str:
    if not profile.not_emitted:
        return "Nothing is known to be missing.\n"
    rows = (f"| `{what}` | {why} |\n" for what, why in profile.not_emitted.items())
    return (
        "It cannot be shown because it is not told; surfaces say so instead of showing blanks.\n\n"
        "| what | why |\n| --- | --- |\n" + "".join(rows)
    )
