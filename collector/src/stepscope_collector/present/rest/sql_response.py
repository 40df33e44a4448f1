"""User SQL over HTTP: runs in a thread, streams its answer, stops when its client has gone.

The answer comes in time, also when the statement does not end: then it is left behind, its place is free
for the next one, and the store counts it (`Database.overdue`).
"""

import asyncio
import logging
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stepscope_collector.access.guard import TOKEN_NAME
from stepscope_collector.config import SqlConfig
from stepscope_collector.errors import QueryTimeout, StepscopeError
from stepscope_collector.present.rest.encode import error_body
from stepscope_collector.present.rest.formats import CHUNKS
from stepscope_collector.present.rest.sql_formats import SQL_FORMATS
from stepscope_collector.present.rest.sql_log import SqlLog
from stepscope_collector.present.rest.worker import Worker
from stepscope_collector.query.adhoc import RunningSql, Stopper, run_sql
from stepscope_collector.store import Database

__all__ = ["SqlQuestion", "SqlResponse"]

logger = logging.getLogger(__name__)

_STOP_AGAIN_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class SqlQuestion:
    """A statement and how to answer it; `max_rows` None: all rows."""

    statement: str
    params: Mapping[str, Any]
    max_rows: int | None
    format: str


class SqlResponse(Response):
    """The answer to a question in SQL."""

    def __init__(
        self,
        database: Database,
        config: SqlConfig,
        question: SqlQuestion,
        slots: asyncio.Semaphore,
        log: SqlLog,
    ) -> None:
        super().__init__()
        self._log = log
        self._running: RunningSql | None = None
        self._database = database
        self._config = config
        self._question = question
        self._slots = slots
        self._stopper = Stopper()
        self._worker: Worker | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the statement and send its answer.

        Raises:
            StepscopeError: the statement failed when a part of the answer was already sent. The
                server then closes the connection, so that the client does not take the part for
                the whole.
        """
        watcher = asyncio.create_task(self._watch(receive))
        try:
            async with self._slots:
                await self._answer(scope, receive, send)
        finally:
            watcher.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if self._worker is not None:
            self._worker.due_in(0)
        # Again and again: an interrupt that comes just before the statement begins is lost.
        while True:
            self._stopper.stop()
            await asyncio.sleep(_STOP_AGAIN_S)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        chunks = self._chunks()
        self._worker = worker = Worker()
        if self._config.timeout_s:
            worker.due_in(self._config.timeout_s)
        if self._stopper.is_stopped:
            worker.due_in(0)
        has_begun = False
        started = time.perf_counter()
        outcome = "stopped"
        try:
            while (chunk := await self._next(worker, chunks)) is not None:
                if not has_begun:
                    await send(_start(SQL_FORMATS[self._question.format]))
                    has_begun = True
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not has_begun:
                await send(_start(SQL_FORMATS[self._question.format]))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            outcome = "ok"
        except asyncio.CancelledError:
            self._stopper.stop()
            worker.due_in(0)
            raise
        except StepscopeError as error:
            outcome = "overdue" if worker.is_left else error.code
            if self._stopper.is_stopped:
                outcome = "overdue" if worker.is_left else "stopped"
                logger.info("client of a statement has gone")
                return
            if has_begun:
                raise
            headers = {"retry-after": str(error.retry_after_s)} if error.retry_after_s else None
            body = Response(error_body(error), error.http_status, headers, "application/json")
            await body(scope, receive, send)
        finally:
            self._log.ended(
                self._question.statement,
                self._question.params,
                who=_who(scope),
                rows=self._running.row_count if self._running else 0,
                outcome=outcome,
                elapsed_s=time.perf_counter() - started,
            )
            await worker.end(chunks.close)

    async def _next(self, worker: Worker, chunks: Generator[bytes]) -> bytes | None:
        try:
            return await worker.do(lambda: next(chunks, None))
        except TimeoutError as error:
            raise QueryTimeout.after(self._config.timeout_s) from error

    def _chunks(self) -> Generator[bytes]:
        question = self._question
        with run_sql(
            self._database,
            self._config,
            question.statement,
            question.params,
            max_rows=question.max_rows,
            is_arrow=question.format in {"arrow", "parquet"},
            stopper=self._stopper,
        ) as running:
            self._running = running
            yield from CHUNKS[question.format](running)


def _who(scope: Scope) -> str:
    """Address of the client, and the name of its token where it needed one."""
    client, token = scope.get("client"), scope.get(TOKEN_NAME)
    address = str(client[0]) if client else ""
    return f"{address} (token {token})" if token else address


def _start(media_type: str) -> dict[str, Any]:
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", media_type.encode())],
    }
