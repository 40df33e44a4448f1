"""User SQL over HTTP: runs in a thread, streams its answer, stops when its client has gone."""

import asyncio
import logging
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stepscope_collector.access.guard import TOKEN_NAME
from stepscope_collector.config import SqlConfig
from stepscope_collector.errors import StepscopeError
from stepscope_collector.present.rest.encode import error_body
from stepscope_collector.present.rest.formats import CHUNKS
from stepscope_collector.present.rest.sql_formats import SQL_FORMATS
from stepscope_collector.present.rest.sql_log import SqlLog
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
        # Again and again: an interrupt that comes just before the statement begins is lost.
        while True:
            self._stopper.stop()
            await asyncio.sleep(_STOP_AGAIN_S)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        chunks = self._chunks()
        has_begun = False
        started = time.perf_counter()
        outcome = "stopped"
        try:
            while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
                if not has_begun:
                    await send(_start(SQL_FORMATS[self._question.format]))
                    has_begun = True
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not has_begun:
                await send(_start(SQL_FORMATS[self._question.format]))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            outcome = "ok"
        except StepscopeError as error:
            if self._stopper.is_stopped:
                logger.info("client of a statement has gone")
                return
            outcome = error.code
            if has_begun:
                raise
            body = Response(error_body(error), error.http_status, media_type="application/json")
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
            await run_in_threadpool(chunks.close)

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
