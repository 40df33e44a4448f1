"""What goes to an endpoint as one request. Pure.

Requests of one signal that came the same way are joined: the fields of an Export request repeat, so
the bytes of several, one after the other, are one request with the content of all. The same records
always make the same shipments, so that an endpoint that knows requests by their content, as
Stepscope does, takes one that is sent twice for what it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.tee.record import Record

__all__ = ["Shipment", "halves", "shipments"]


@dataclass(frozen=True, slots=True)
class Shipment:
    """One request to an endpoint."""

    signal: Signal
    encoding: Encoding
    records: tuple[Record, ...]

    @property
    def via(self) -> str:
        """Ids of the collectors all of its records came through."""
        return self.records[0].via

    @property
    def rows(self) -> int:
        """Spans, log records or points in it."""
        return sum(record.rows for record in self.records)

    def body(self) -> bytes:
        """The uncompressed request."""
        if self.encoding == "json":
            return self.records[0].body
        return b"".join(_protobuf(record) for record in self.records)


def shipments(records: Iterable[Record], *, keeps_json: bool) -> list[Shipment]:
    """Few requests for many records, in order of the first record of each.

    Args:
        records: in order of their arrival.
        keeps_json: the endpoint takes OTLP/JSON; otherwise it becomes protobuf of equal meaning.
    """
    found: dict[tuple[Signal, str, int], list[Record]] = {}
    for record in records:
        is_json = keeps_json and record.encoding == "json"
        alone = record.sequence if is_json else -1
        found.setdefault((record.signal, record.via, alone), []).append(record)
    return [
        Shipment(signal, "protobuf" if alone < 0 else "json", tuple(together))
        for (signal, _, alone), together in found.items()
    ]


def halves(shipment: Shipment) -> Sequence[Shipment]:
    """The shipment as two; as it is when it holds one record."""
    middle = len(shipment.records) // 2
    parts = (shipment.records[:middle], shipment.records[middle:])
    return [Shipment(shipment.signal, shipment.encoding, part) for part in parts if part]


def _protobuf(record: Record) -> bytes:
    if record.encoding == "protobuf":
        return record.body
    message, _ = to_message(record.signal, record.body)
    return message.SerializeToString()
