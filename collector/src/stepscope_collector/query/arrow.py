"""Results as an Arrow IPC stream, one record batch after the other."""

import io
from collections.abc import Iterator
from typing import Any

from arro3.core import RecordBatch, RecordBatchReader, Schema
from arro3.io import write_ipc_stream

__all__ = ["arrow_chunks"]


def arrow_chunks(source: Any, max_rows: int | None) -> Iterator[bytes]:
    """An Arrow IPC stream of `source`, in pieces: its schema, each record batch, the end.

    Args:
        source: has the Arrow C stream interface; read batch by batch.
        max_rows: rows at most; None: all.
    """
    reader = RecordBatchReader.from_arrow(source)
    schema = reader.schema
    # A stream is a schema, batches and an end: the batches of many streams make one.
    end = 8
    head = _stream(schema, [])
    yield head[:-end]
    left = max_rows
    for batch in reader:
        part = batch if left is None else batch.slice(0, min(left, batch.num_rows))
        if part.num_rows:
            yield _stream(schema, [RecordBatch.from_arrow(part)])[len(head) - end : -end]
        if left is not None and (left := left - part.num_rows) <= 0:
            break
    yield head[-end:]


def _stream(schema: Schema, batches: list[RecordBatch]) -> bytes:
    buffer = io.BytesIO()
    write_ipc_stream(RecordBatchReader.from_batches(schema, batches), buffer, compression=None)
    return buffer.getvalue()
