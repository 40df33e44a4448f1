"""POST /api/admin/backup: a copy of the database as the body of the answer.

The server writes nothing but a file of its own beside the database, whose name is gone before the
first byte is sent; where the copy goes is up to who asked for it.
"""

import hashlib
import os
from collections.abc import AsyncGenerator
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from stepscope_collector.store import Database
from stepscope_collector.store.backup import Backup

__all__ = ["ROWS_HEADER", "SHA_HEADER", "backup_response"]

ROWS_HEADER: Final = "x-stepscope-rows"
SHA_HEADER: Final = "x-stepscope-sha256"

_CHUNK_BYTES = 1 << 20


async def backup_response(database: Database) -> Response:
    """Make the copy, then the answer that streams it.

    Raises StoreUnavailable as `Database.backup`.
    """
    descriptor, backup, size, digest = await run_in_threadpool(_make, database)
    return StreamingResponse(
        _chunks(descriptor),
        media_type="application/vnd.duckdb",
        headers={
            "content-length": str(size),
            "content-disposition": 'attachment; filename="stepscope.duckdb"',
            ROWS_HEADER: str(backup.rows),
            SHA_HEADER: digest,
        },
    )


def _make(database: Database) -> tuple[int, Backup, int, str]:
    backup = database.backup()
    descriptor = os.open(backup.path, os.O_RDONLY | os.O_CLOEXEC)
    # Whatever becomes of the answer, nothing is left behind.
    backup.path.unlink()
    backup.path.parent.rmdir()
    with os.fdopen(os.dup(descriptor), "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor, backup, os.fstat(descriptor).st_size, digest


async def _chunks(descriptor: int) -> AsyncGenerator[bytes]:
    try:
        while chunk := await run_in_threadpool(os.read, descriptor, _CHUNK_BYTES):
            yield chunk
    finally:
        os.close(descriptor)
