"""What one transaction writes, as Arrow streams."""

from dataclasses import dataclass, field
from typing import Any

from stepscope_collector.store.log_limit import LogDrop

__all__ = ["Group", "Spans"]


@dataclass(frozen=True, slots=True)
class Spans:
    """Decoded spans of one commit."""

    rows: Any
    """Arrow stream of spans; never empty."""
    payloads: Any
    """Arrow stream of their payloads, or None."""
    may_repeat: bool
    """Whether a span id may stand twice among them."""
    open_count: int
    """How many are live markers or have no end."""
    columns: frozenset[str]
    """Columns of attributes that the rows have: profiles ask for more, those are null."""
    scope_names: frozenset[str]
    """Names of the instrumentation scopes."""
    shapes: tuple[str, ...] = ()
    """Columns of `rows` that are structs: null, or the attributes of the span, whose map is then empty."""


@dataclass(slots=True)
class Group:
    """What one transaction writes; each stream is an Arrow table or None."""

    spans: Spans | None = None
    signs: Spans | None = None
    """Spans without an end of which the log records tell that they go on."""
    logs: Any = None
    metrics: Any = None
    resources: Any = None
    scopes: Any = None
    rejections: Any = None
    requests: Any = None
    """Content hashes of the log and metric requests among them."""
    kept_logs: Any = None
    """With `log_drops`: those of `logs` that are stored."""
    log_drops: list[LogDrop] = field(default_factory=list)
    """Log records beyond the limit of their execution."""
