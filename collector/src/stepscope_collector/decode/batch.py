"""What decoding gives: columns ready for the store, and what was refused."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

__all__ = [
    "Batch",
    "Decoder",
    "Dimension",
    "Encoding",
    "Plan",
    "Rejection",
    "Rows",
    "Signal",
    "column_of",
]

Signal = Literal["traces", "logs", "metrics"]
Encoding = Literal["protobuf", "json"]
Decoder = Literal["auto", "native", "python"]


class Rows(Protocol):
    """Columns of equal length; `streams.py` gives them to whoever reads Arrow."""

    @property
    def num_rows(self) -> int:
        """How many rows there are."""

    @property
    def num_columns(self) -> int:
        """How many columns they have."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which attributes become columns of a batch, those that some profile asks for, and the limits."""

    span_keys: tuple[str, ...] = ()
    """Each becomes a column with the attribute's text, null where absent, once some span has it; see
    `column_of`."""

    resource_keys: tuple[str, ...] = ()
    """The same for attributes of the resource."""

    max_items: int = 0
    """Spans, log records or points in a request; 0: any number."""

    max_attributes: int = 0
    """Of a span; 0: any number."""

    decoder: Decoder = "auto"
    """Which decoder takes requests in protobuf; auto: the native one where it is installed."""


def column_of(kind: str, key: str) -> str:
    """Name of the column of a batch that holds an attribute; `kind` is attr or resource.

    DuckDB knows no case in names of columns, attributes do: capitals are counted at the end.
    """
    if key.islower() and "~" not in key:
        return f"{kind}:{key}"
    capitals = sum(1 << place for place, each in enumerate(key) if "A" <= each <= "Z")
    return f"{kind}:{key}~{capitals:x}" if capitals or "~" in key else f"{kind}:{key}"


class Rejection(NamedTuple):
    """One span, log record or data point that was refused."""

    reason: str
    """Word from the closed list in docs/reference."""
    message: str
    trace_id: str | None = None
    span_id: str | None = None
    name: str | None = None


class Dimension(NamedTuple):
    """One resource or scope: a row of stored.resources or stored.scopes.

    For a resource `name` is its service.name (or None) and `version` is not used.
    """

    id: int
    """Hash of the content, never 0."""
    name: str | None
    version: str
    attributes: dict[str, str | None]
    attribute_types: str | None
    dropped_attributes_count: int
    raw: bytes | None
    schema_url: str


@dataclass(slots=True)
class Batch:
    """One decoded request. Every column of `rows` has `row_count` values."""

    signal: Signal
    row_count: int = 0
    rows: Rows | None = None
    """None when nothing is to be stored."""
    payloads: Rows | None = None
    """Payload rows of spans; `span_row` is that of the span. None: no payloads."""
    resources: dict[int, Dimension] = field(default_factory=dict)
    scopes: dict[int, Dimension] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """Sentences for partial_success about data that was accepted all the same."""
    span_ids: list[bytes] = field(default_factory=list)
    """Span id of each row, for the duplicate check inside a commit; none of native rows, which know
    it themselves (`decode/streams.py`)."""
    signs: "Batch | None" = None
    """Of log records that tell of spans which go on: those spans, without an end."""
    open_count: int = 0
    """Rows that are live markers or spans without an end; not less than there are."""

    def message(self) -> str:
        """Why spans were rejected and what was odd, in one sentence each; "" when all is well."""
        if not self.rejections and not self.warnings:
            return ""
        sentences = [*_counted(r.message for r in self.rejections), *_counted(self.warnings)]
        return "; ".join(sentences)


def _counted(sentences: Iterable[str]) -> list[str]:
    counts: dict[str, int] = {}
    for sentence in sentences:
        counts[sentence] = counts.get(sentence, 0) + 1
    return [f"{n} × {sentence}" if n > 1 else sentence for sentence, n in counts.items()]
