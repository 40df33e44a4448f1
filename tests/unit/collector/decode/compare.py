"""What both decoders make of the same bytes, side by side."""

from dataclasses import replace
from typing import Any

from stepscope_collector.decode.batch import Batch, Plan, Signal
from stepscope_collector.decode.native import gathering
from stepscope_collector.decode.request import decode_request
from stepscope_collector.decode.streams import may_repeat, table_of
from stepscope_collector.errors import StepscopeError

__all__ = ["comparable", "differences"]


def differences(signal: Signal, payload: bytes, plan: Plan) -> list[str]:
    """Where the native decoder and the reference disagree about a request; empty when they do not.

    Spans are decoded natively three times: alone, and twice to share columns, where the first tells the
    kernel of resources and scopes.
    """
    reference = _outcome(signal, payload, replace(plan, decoder="python"))
    shared = gathering() if signal == "traces" else None
    found = []
    for columns in (None, shared, shared) if shared is not None else (None,):
        natively = _outcome(signal, payload, replace(plan, decoder="native"), columns)
        found += [
            f"{name}: {natively.get(name)} is not {reference.get(name)}"
            for name in natively.keys() | reference.keys()
            if natively.get(name) != reference.get(name)
        ]
    return found


def _outcome(signal: Signal, payload: bytes, plan: Plan, columns: Any = None) -> dict[str, Any]:
    """The batch, or the error that its sender sees."""
    try:
        return comparable(decode_request(signal, payload, "protobuf", plan, columns))
    except StepscopeError as error:
        return {"error": f"{type(error).__name__}: {error}"}


def comparable(batch: Batch) -> dict[str, Any]:
    """Everything of a batch but the numbers of its rows; as text, for NaN equals NaN then."""
    found: dict[str, Any] = {
        "signal": batch.signal,
        "row_count": batch.row_count,
        "open_count": batch.open_count,
        "resources": list(batch.resources.items()),
        "scopes": list(batch.scopes.items()),
        "rejections": batch.rejections,
        "message": batch.message(),
        "may_repeat": batch.signal == "traces" and may_repeat([batch], batch.rows),
        "signs": batch.signs is not None and batch.signs.row_count,
    }
    for part, rows in (("rows", batch.rows), ("payloads", batch.payloads)):
        if rows is None:
            continue
        table = table_of(rows)
        found[part] = table.schema
        for name in table.schema.names:
            if name != "span_row":
                found[f"{part}.{name}"] = repr(table.column(name).to_pylist())
    return found
