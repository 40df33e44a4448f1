"""Results as an Arrow IPC stream or a Parquet file, one record batch after the other."""

import io
import tempfile
from collections.abc import Iterator
from typing import Any, Final

from arro3.core import RecordBatch, RecordBatchReader, Schema
from arro3.io import write_ipc_stream, write_parquet

__all__ = ["arrow_chunks", "parquet_chunks"]

_ROW_GROUP: Final = 50_000
_CHUNK_BYTES: Final = 1 << 18


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


def parquet_chunks(source: Any, max_rows: int | None) -> Iterator[bytes]:
    """A Parquet file of `source`, in pieces, once it is whole: its end points back into it.

    Args:
        source: a relation of DuckDB; read batch by batch.
        max_rows: rows at most; None: all.
    """
    reader = RecordBatchReader.from_arrow(source if max_rows is None else source.limit(max_rows))
    with tempfile.TemporaryFile() as file:
        write_parquet(reader, file, compression="zstd(3)", max_row_group_size=_ROW_GROUP)
        file.seek(0)
        while piece := file.read(_CHUNK_BYTES):
            yield piece


def _stream(schema: Schema, batches: list[RecordBatch]) -> bytes:
    buffer = io.BytesIO()
    write_ipc_stream(RecordBatchReader.from_batches(schema, batches), buffer, compression=None)
    return buffer.getvalue()
