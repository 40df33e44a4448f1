"""Answers requests as soon as they are on disk, before their commit, while few wait for that.

A commit costs DuckDB 30 ms whatever its size, and a checkpoint stops commits for half a second; one
write to a file with a sync takes 1 to 5 ms and is shared by all requests that have come meanwhile.
What is in the files and not in the database when the process ends is committed at the next start.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from stepscope_collector.backlog.files import Files
from stepscope_collector.tee import Record
from stepscope_collector.waiting import Receipt

__all__ = ["Backlog", "Unanswered"]

logger = logging.getLogger(__name__)

_SHARE_S: Final = 0.001
"""How long a sync waits, at most, until as many requests are there as shared the last one: each costs CPU and switches of
threads, so that small requests become cheaper the more of them share it (`benchmarks/bench_ingest.py --batch 32`)."""
_RECENT_S: Final = 0.02
"""As long ago, at most, the last one was shared, if the next is to wait."""


class Unanswered(NamedTuple):
    """A request, and what its sender is told once it is on disk."""

    record: Record
    future: Future[Receipt]
    receipt: Receipt


class Backlog:
    """A thread that writes requests and answers them. Thread-safe.

    Args:
        folder: of its files; made when there are any.
        may_answer: whether a request on disk may be answered before its commit; when too many wait
            for theirs, answers wait as well, so that senders become slower and are not refused.
        hurry: called while answers wait for commits.
    """

    def __init__(
        self, folder: Path, may_answer: Callable[[], bool], hurry: Callable[[], object]
    ) -> None:
        self._files = Files(folder)
        self._may_answer = may_answer
        self._hurry = hurry
        self._changed = threading.Condition()
        self._incoming: list[Unanswered] = []
        self._settled = 0
        self._unwritable: list[int] = []
        """Settled, and never to be stored: each is kept as a file before anything is removed."""
        self._is_closing = False
        self._together = 0
        """Requests of the last sync."""
        self._has_enough = threading.Event()
        """Nothing more need be waited for."""
        self.is_failing = False
        """Whether the last requests could not be written."""
        self._thread = threading.Thread(target=self._run, name="stepscope-backlog", daemon=True)

    @property
    def next_sequence(self) -> int:
        """Sequence of the first request of this process."""
        return self._files.next

    def left(self) -> Iterator[Record]:
        """The requests that an earlier process left, in order; before `start`."""
        return self._files.left()

    def forget_left(self) -> None:
        """Remove what `left` gives; it is committed, or never will be. Before `start`."""
        if self._keep(self._unwritable.copy()):
            self._files.forget_left()

    def start(self) -> None:
        """Begin to take requests."""
        self._thread.start()

    def put(self, unanswered: Unanswered) -> None:
        """Take a request; sequences only ever grow."""
        with self._changed:
            self._incoming.append(unanswered)
            self._changed.notify()
            if len(self._incoming) >= self._together:
                self._has_enough.set()

    def settled(self, sequence: int, unwritable: list[int]) -> None:
        """All requests up to this one are committed, or will never be.

        Args:
            sequence: of the last of them.
            unwritable: those that were answered, and the store cannot take; their sequences in the files.
        """
        with self._changed:
            self._settled = sequence
            self._unwritable += unwritable
            self._changed.notify()

    def close(self) -> None:
        """Write and remove what is left to do; what is not committed stays on disk."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
            self._has_enough.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._files.close()

    def _run(self) -> None:
        held: deque[Unanswered] = deque()
        seen, synced_s = 0, 0.0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._incoming or self._is_closing or self._settled != seen  # noqa: B023
                )
            if self._together > 1 and time.monotonic() - synced_s < _RECENT_S:
                self._has_enough.wait(_SHARE_S)
            with self._changed:
                incoming, self._incoming = self._incoming, []
                unwritable = self._unwritable.copy()
                seen = self._settled
                is_closing = self._is_closing
                if incoming:
                    self._together = len(incoming)
                    self._has_enough.clear()
            if incoming:
                if self._append(incoming):
                    held.extend(incoming)
                synced_s = time.monotonic()
            while held and (held[0].future.done() or self._may_answer()):
                each = held.popleft()
                with suppress(InvalidStateError):  # its commit was faster
                    each.future.set_result(each.receipt)
            if held or self.is_failing:
                self._hurry()
            self._clean(seen, unwritable)
            if is_closing:
                return

    def _append(self, incoming: list[Unanswered]) -> bool:
        """Whether they are on disk; else their commits answer them."""
        try:
            self._files.append([each.record for each in incoming])
        except OSError as error:
            if not self.is_failing:
                logger.warning(
                    "backlog not written, answers wait for their commits",
                    extra={"error": str(error)},
                )
            self.is_failing = True
            return False
        self.is_failing = False
        return True

    def _clean(self, settled: int, unwritable: list[int]) -> None:
        if not self._keep(unwritable):
            return
        try:
            self._files.settled(settled)
        except OSError as error:  # it goes with what is settled next
            logger.warning("backlog not removed", extra={"error": str(error)})

    def _keep(self, unwritable: list[int]) -> bool:
        """Whether all of these are in files of their own, so that others may be removed."""
        try:
            for sequence in unwritable:
                if (path := self._files.keep(sequence)) is not None:
                    logger.error("request kept that cannot be stored", extra={"path": str(path)})
                with self._changed:
                    self._unwritable.remove(sequence)
        except OSError as error:  # what is settled next tries again
            logger.warning("request not kept that cannot be stored", extra={"error": str(error)})
            return False
        return True
