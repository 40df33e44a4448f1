"""What waits for the writer thread, in its order, and what of it shares a transaction."""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from stepscope_collector.admission import Admission
from stepscope_collector.config import IngestConfig, StoreConfig
from stepscope_collector.store.engine import ROW_GROUP_ROWS
from stepscope_collector.waiting import Waiting, Work, shutting_down

__all__ = ["Group", "WriteQueue", "cut_request", "groups_that_fit"]

logger = logging.getLogger(__name__)

_MEMORY_PER_ROW_GROUP: Final = 96 << 20
"""Of the engine, for a row group of a commit. Where all spans are folded, as those of DBOS (`benchmarks/bench_profiles.py`), one fits into
128 MiB and two into 192, not into 160; others need a third."""
_GROUPS_UNDER_WAY: Final = 4
"""One is committed and one is gathered, and half of what may be under way is for answers that wait for neither."""


def groups_that_fit(
    config: IngestConfig, store: StoreConfig, max_inflight_bytes: int
) -> IngestConfig:
    """Limits of a group for a store with less memory than by default, and for fewer bytes under way."""
    row_groups = max(1, store.memory_limit_bytes // _MEMORY_PER_ROW_GROUP)
    most_bytes = max(1, max_inflight_bytes // _GROUPS_UNDER_WAY)
    return replace(
        config,
        group_max_rows=min(config.group_max_rows, row_groups * ROW_GROUP_ROWS),
        group_max_bytes=min(config.group_max_bytes, most_bytes),
    )


def _is_of_spans(waiting: Waiting) -> bool:
    return waiting.batch.signal == "traces"


def cut_request(waiting: Waiting, rows: int) -> tuple[Waiting, Waiting | None]:
    """A request of more than so many rows in two, or as it is where it cannot be cut.

    Only spans can: log records and points are known by the whole request when it comes again.
    """
    if waiting.request_hash is not None or not _is_of_spans(waiting):
        return waiting, None
    try:
        return waiting.cut(rows)
    except Exception:  # the thread must live: all that comes goes through it
        logger.exception("request not cut")
        return waiting, None


@dataclass(frozen=True, slots=True)
class Group:
    """Requests for one transaction; none when what failed before is to be tried again."""

    requests: list[Waiting]


class _Hurry:
    """Stands in the queue where somebody began to wait for what is before it."""


_HURRY: Final = _Hurry()
_END: Final = None


class WriteQueue:
    """Any thread puts in, the writer thread takes out.

    Args:
        config: limits of a group.
        admission: knows what is being decoded, and how many senders there are.
        answers_first: whether requests are answered before their commit now, so that their senders are not
            waiting: a group may wait longer for more.
        enough_bytes: a group of this size waits for nothing, if its rows are so large that they would be more than
            `group_max_bytes` before they are a row group, or `group_max_rows`.
        row_group: where `group_max_rows` is a multiple of this, requests of spans are cut so that groups of many
            have a multiple of it, unless somebody waits: DuckDB writes those without its log (decision 9).
    """

    def __init__(
        self,
        config: IngestConfig,
        admission: Admission,
        *,
        answers_first: Callable[[], bool],
        enough_bytes: int,
        row_group: int = 1,
    ) -> None:
        self._config = config
        self._admission = admission
        self._answers_first = answers_first
        self._enough_bytes = enough_bytes
        self._row_group = row_group
        self._may_cut = config.group_max_rows % row_group == 0
        self._queue: queue.SimpleQueue[Waiting | Work | _Hurry | None] = queue.SimpleQueue()
        self._held: deque[Waiting | Work] = deque()
        """Taken out, but not for the group that was being gathered; before all in the queue."""
        self._is_full = False
        """The group that is being gathered can take no more."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._is_closing = False
        self._sequence = 0
        """Of the last request put in."""
        self._settled = 0
        """All up to this one are committed, or failed."""
        self._is_stalled = False
        self._wanted = 0
        """Somebody waits until this one is committed."""
        self._expected_requests = 1
        """Most requests under way at one time since the last commit."""
        self._last_commit_s = 0.0
        self._began_s = 0.0
        """When the group that is being gathered was begun."""
        self._linger_until: float | None = None
        """How long the group that is being gathered waits for more."""
        self._open_bytes = 0
        self._open_rows = 0
        """Of the requests that are in no finished group yet."""
        self._is_urgent = threading.Event()
        """The group that is being gathered need not wait for more."""

    def begin_at(self, sequence: int) -> None:
        """The sequence of the first request; before any is put in."""
        self._sequence = self._settled = sequence - 1

    @property
    def size(self) -> int:
        """How many wait, roughly."""
        return self._queue.qsize()

    @property
    def is_closing(self) -> bool:
        """Whether nothing is taken any more."""
        return self._is_closing

    def put(
        self,
        waiting: Waiting | Work,
        then: Callable[[], None] | None = None,
        *,
        is_awaited: bool = False,
    ) -> None:
        """Put something behind all else; a request gets its sequence.

        Args:
            waiting: what to put in.
            then: called before anything else is put in.
            is_awaited: its sender waits for the commit.

        Raises:
            StoreUnavailable: the collector is shutting down.
        """
        with self._lock:
            if self._is_closing:
                raise shutting_down()
            if isinstance(waiting, Waiting):
                self._sequence += 1
                waiting.sequence = self._sequence
                if is_awaited:
                    self._wanted = self._sequence
                self._open_bytes += waiting.payload_bytes
                self._open_rows += waiting.batch.row_count
            self._queue.put(waiting)
            if then is not None:
                then()
            if isinstance(waiting, Work) or is_awaited or self._is_enough:
                self._is_urgent.set()

    @property
    def _is_enough(self) -> bool:
        """Whether a group of all that is open waits for nothing more; under the lock."""
        config = self._config
        if self._open_rows >= config.group_max_rows or self._open_bytes >= config.group_max_bytes:
            return True
        most_rows = min(config.group_max_rows, self._row_group)
        has_large_rows = self._open_bytes * most_rows > self._open_rows * config.group_max_bytes
        return has_large_rows and self._open_bytes >= self._enough_bytes

    def wake(self) -> None:
        """Let the writer look again whether requests are answered before their commit."""
        self._is_urgent.set()

    def end(self) -> None:
        """Take nothing more."""
        with self._changed:
            if not self._is_closing:
                self._is_closing = True
                self._queue.put(_END)
                self._is_urgent.set()

    def catch_up(self, timeout_s: float) -> bool:
        """Wait until all that was put in before is committed; False when it is not in time.

        Nobody waits while the store cannot be written. Not for the writer thread.
        """
        with self._changed:
            wanted = self._sequence
            if self._settled >= wanted or self._is_stalled:
                return not self._is_stalled
            if self._wanted < wanted:
                self._wanted = wanted
                self._queue.put(_HURRY)
                self._is_urgent.set()
            self._changed.wait_for(lambda: self._settled >= wanted or self._is_stalled, timeout_s)
            return self._settled >= wanted

    # The writer thread

    def settled(self, sequence: int, *, is_stalled: bool) -> None:
        """Everything up to that request is committed, or has failed for good.

        Args:
            sequence: of the request.
            is_stalled: what follows was taken, and the store could not be written.
        """
        with self._changed:
            self._settled = max(self._settled, sequence)
            self._is_stalled = is_stalled
            self._changed.notify_all()

    def committed(self, elapsed_s: float) -> None:
        """How long a commit took."""
        self._last_commit_s = elapsed_s
        self._expected_requests = self._admission.peak()

    def take(self, retry_s: float | None = None) -> Group | Work | None:
        """The next group, or other work; None: there is nothing more and never will be.

        A commit costs about 30 ms whatever its size, so it is worth waiting for requests that can
        share it: those that are being decoded, and those of senders that were just answered and
        come back, for a quarter of a commit. A sender alone that is not answered never waits.

        While requests are answered before their commit, the thread sleeps until somebody cannot wait: woken
        by each of them, it would take the interpreter from those who decode.

        Args:
            retry_s: an empty group after so many seconds without anything; None: wait.
        """
        first = self._first(retry_s)
        if not isinstance(first, Waiting):
            return first
        group: list[Waiting] = []
        self._is_full = False
        size, rows = self._add(group, first, 0, 0)
        # What was held has waited already.
        deadline = first.received_s + self._config.group_max_wait_ms / 1000
        self._began_s = time.monotonic()
        self._linger_until = None
        can_wait = True
        while can_wait and not self._is_full:
            try:
                waiting = self._next(group, deadline)
            except queue.Empty:
                break
            if isinstance(waiting, Waiting):
                size, rows = self._add(group, waiting, size, rows)
                continue
            can_wait = False
            if waiting is _END:
                self._queue.put(_END)  # for the next time
            else:
                self._held.appendleft(waiting)
        if can_wait:
            size, rows = self._in_row_groups(group, size, rows)
        with self._changed:
            self._open_bytes -= size
            self._open_rows -= rows
        return Group(group)

    def _in_row_groups(self, group: list[Waiting], size: int, rows: int) -> tuple[int, int]:
        """Hold what is beyond the last whole row group, if nobody waits for it. The new bytes and rows."""
        kept = rows - rows % self._row_group
        if not (
            self._may_cut
            and 0 < kept < rows
            and self._wanted < group[0].sequence
            and self._answers_first()
            and all(map(_is_of_spans, group))
        ):
            return size, rows
        while rows > kept:
            last = group.pop()
            count = last.batch.row_count
            if rows - count < kept:
                last, rest = cut_request(last, kept - (rows - count))
                if rest is None:
                    group.append(last)
                    break
                group.append(last)
                last, count = rest, rest.batch.row_count
            self._held.appendleft(last)
            size -= last.payload_bytes
            rows -= count
        return size, rows

    def _add(self, group: list[Waiting], waiting: Waiting, size: int, rows: int) -> tuple[int, int]:
        """Put a request into the group as far as it fits; what does not is held. The new bytes and rows."""
        config = self._config
        left = config.group_max_rows - rows
        is_first = not group
        if is_first or size + waiting.payload_bytes <= config.group_max_bytes:
            count = waiting.batch.row_count
            if self._may_cut and 0 < left < count and all(map(_is_of_spans, (*group, waiting))):
                waiting, rest = cut_request(waiting, left)
                if rest is not None:
                    self._hold(rest)
                count = waiting.batch.row_count
            if is_first or count <= left:
                group.append(waiting)
                return size + waiting.payload_bytes, rows + count
        self._hold(waiting)
        return size, rows

    def _hold(self, waiting: Waiting) -> None:
        """For the next group."""
        self._held.appendleft(waiting)
        self._is_full = True

    def _first(self, retry_s: float | None) -> Waiting | Work | Group | None:
        if self._held:
            return self._held.popleft()
        while True:
            try:
                found = self._queue.get(timeout=retry_s)
            except queue.Empty:
                return Group([])
            if not isinstance(found, _Hurry):
                return found

    def _next(self, group: list[Waiting], deadline: float) -> Waiting | Work | None:
        """What waits behind a group; queue.Empty when it is not worth waiting for it."""
        if self._held:
            return self._held.popleft()
        while True:
            self._is_urgent.clear()  # before looking: what happens after the look ends the sleep
            try:
                found = self._queue.get_nowait()
            except queue.Empty:
                if self._answers_first():
                    self._sleep(group, deadline)
                    continue
                # Senders that wait for commits come back from the last one now, however long that took.
                deadline = self._began_s + self._config.group_max_wait_ms / 1000
                if self._admission.wait_decoded(deadline):
                    continue
                found = self._queue.get(timeout=self._worth_s(group, deadline))
            if not isinstance(found, _Hurry):
                return found

    def _sleep(self, group: list[Waiting], deadline: float) -> None:
        """Until somebody cannot wait, or the time is up; queue.Empty when it is so already."""
        with self._changed:
            if not self._queue.empty():
                return  # put in since the caller looked
            left_s = deadline - time.monotonic()
            if self._wanted >= group[0].sequence or self._is_enough or left_s <= 0:
                raise queue.Empty
        self._is_urgent.wait(left_s)

    def _worth_s(self, group: list[Waiting], deadline: float) -> float:
        """How long it is worth waiting for the senders of a group; queue.Empty when it is not."""
        now = time.monotonic()
        if self._linger_until is None:
            self._linger_until = min(deadline, now + self._last_commit_s / 4)
        if len(group) >= self._expected_requests or now >= self._linger_until:
            raise queue.Empty
        return self._linger_until - now
