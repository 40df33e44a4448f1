"""What one attribute key is: the entry type of the registry."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["CANDIDATE", "OTEL", "OURS", "Attribute", "AttributeType", "Level"]

AttributeType = Literal["string", "int", "double", "bool", "string[]", "json"]
"""`json` is a string whose text is one JSON document."""

Level = Literal["resource", "span", "event", "link", "log"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute key.

    `home` is the bit (0 to 62) that marks, in `stored.spans.home_bits`, that the span carried
    the key and that its value stands in `column` instead of the attribute map. Bits are never
    reused. `payload` names the payload kind for keys whose value goes to `stored.payloads`.
    """

    key: str
    type: AttributeType
    level: Level
    example: str
    source: str
    meaning: str
    unit: str = ""
    home: int | None = None
    column: str | None = None
    payload: str | None = None


OTEL: Final = "OpenTelemetry semantic conventions"
CANDIDATE: Final = "OpenTelemetry workflow.* candidate convention (semantic-conventions#1688)"
OURS: Final = "Stepscope"
