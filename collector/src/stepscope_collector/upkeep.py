"""What a running collector does by itself every now and then; what changes something, on the writer thread between commits."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from stepscope_collector.decode.batch import Plan
from stepscope_collector.errors import StepscopeError, StoreReopening
from stepscope_collector.remap import Work
from stepscope_collector.retention import Retention
from stepscope_collector.store import Database
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.journal import Unnoted
from stepscope_collector.store.known import KnownExecutions
from stepscope_collector.store.silence import Silence, allow_silence
from stepscope_collector.store.verifier import Verifier

__all__ = ["Upkeep"]

logger = logging.getLogger(__name__)

_LOOK_S: Final = 1.0
"""How often it looks for large traces that wait to be folded, and at the size of the file."""
_REST_S: Final = 0.01
"""Between row groups of 30,000 ids that are read."""
_RENEW_AGAIN_S: Final = 10.0
"""After which it tries again to open the file anew, if somebody has asked just then."""
_EVERY_S: Final = 30.0
"""A tenth of the least silence that counts as loss, by default."""


class Upkeep:
    """A thread that asks for it.

    Args:
        database: the history.
        work: runs something on the writer thread.
        lost_after_s: setting executions.lost_after_s.
        retention: removes what is due; None: nothing does.
        has_unfolded: whether any large trace waits to be folded; work ends the group that the writer gathers, so it
            is asked for only then.
        known: the executions that the writer knows of; None: it looks through all that are stored.
        wants_renewal: whether the file should be opened anew.
    """

    def __init__(
        self,
        database: Database,
        work: Work,
        lost_after_s: float,
        retention: Retention | None = None,
        has_unfolded: Callable[[], bool] = lambda: True,
        known: Callable[[], KnownExecutions | None] = lambda: None,
        wants_renewal: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._retention = retention
        self._work = work
        self._has_unfolded = has_unfolded
        self._silence = Silence(lost_after_s)
        self._known = known
        self._wants_renewal = wants_renewal
        self._every_s = min(_EVERY_S, lost_after_s / 4)
        self._is_ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, name="stepscope-upkeep", daemon=True)]
        if database.path is not None:
            self._threads.append(
                threading.Thread(target=self._verify, name="stepscope-verify", daemon=True)
            )
        if retention is not None and retention.config.interval_s:
            # Of its own: choosing what is due reads the history for as long as it takes.
            self._threads.append(
                threading.Thread(
                    target=self._prune, args=(retention,), name="stepscope-retention", daemon=True
                )
            )

    def start(self) -> None:
        """Begin, now."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End."""
        self._is_ending.set()
        if self._retention is not None:
            self._retention.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _run(self) -> None:
        silence_at_s = renewal_at_s = 0.0
        pause_s = 0.0
        while not self._is_ending.wait(pause_s):
            pause_s = _LOOK_S
            try:
                while (
                    not self._is_ending.is_set()
                    and self._has_unfolded()
                    and self._work(self._fold_later)
                ):
                    pass  # one at a time: requests are committed in between
                self._fill_known()
                if time.monotonic() >= renewal_at_s and self._is_renewal_due():
                    renewal_at_s = time.monotonic() + _RENEW_AGAIN_S
                    self._work(Unnoted(self._renew))
                if time.monotonic() >= silence_at_s:
                    self._look_for_silence()
                    silence_at_s = time.monotonic() + self._every_s
            except StoreReopening:  # as after a compaction: the next look will do
                logger.debug("upkeep interrupted")
            except StepscopeError as error:  # the next time will do
                logger.warning("upkeep failed", extra={"error": error.message})
                pause_s = self._every_s
            except Exception:  # a bug of ours must not end what the others need
                logger.exception("upkeep failed")
                pause_s = self._every_s

    def _verify(self) -> None:
        """Read what the start has left of the file; also what was left when it was opened again."""
        verifier = Verifier(self._database, self._set_aside)
        pause_s = 0.0
        while not self._is_ending.wait(pause_s):
            pause_s = self._every_s
            try:
                rest_s = verifier.go_on()
                if rest_s is not None:
                    pause_s = rest_s
            except StoreReopening:
                logger.debug("reading of the database interrupted")
            except StepscopeError as error:  # the next time will do
                if self._is_ending.is_set():
                    return
                logger.warning("database not read on", extra={"error": error.message})
            except Exception:  # a bug of ours must not end what the others need
                logger.exception("database not read on")

    def _set_aside(self, damage: str, is_that_file: Callable[[], bool]) -> None:
        def set_aside(committer: Committer, _: Plan) -> None:
            if is_that_file():  # else a commit has met the damage before, or the file was exchanged
                committer.set_aside(damage)

        self._work(Unnoted(set_aside))

    def _prune(self, retention: Retention) -> None:
        interval_s = retention.config.interval_s
        due_s = time.monotonic() + interval_s
        while not self._is_ending.wait(min(interval_s, _LOOK_S)):
            try:
                if time.monotonic() < due_s and not retention.is_short():
                    continue
                due_s = time.monotonic() + interval_s
                retention.keep_up()
            except StoreReopening:
                logger.debug("pruning interrupted")
                due_s = time.monotonic()
            except StepscopeError as error:  # the next time will do
                if self._is_ending.is_set() or retention.is_ending:
                    return
                logger.warning("history not pruned", extra={"error": error.message})
            except Exception:  # a bug of ours must not end what the others need
                logger.exception("history not pruned")

    def _fold_later(self, committer: Committer, _: Plan) -> bool:
        if not committer.has_unfolded:
            return False
        now_ns = time.time_ns()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
        return committer.fold_later(now, now_ns)

    def _is_renewal_due(self) -> bool:
        """Also whether nobody asks: the writer and further questions would wait for who does."""
        return self._wants_renewal() and self._database.is_idle and self._database.path is not None

    def _renew(self, committer: Committer, _: Plan) -> None:
        """Let go of what the engine keeps for each row group; if somebody asks just now, the next time will do."""
        committer.renew(self._database.renew)

    def _fill_known(self) -> None:
        known = self._known()
        if known is not None and known.wants_filling:
            known.fill(
                lambda: self._database.read(is_fresh=False),
                lambda: self._is_ending.wait(_REST_S),
            )

    def _look_for_silence(self) -> None:
        """Beside the writer, which has to do with it only when a limit changes."""
        with self._database.read(is_fresh=False) as connection:
            limits = self._silence.find(connection, time.time_ns())
        if not limits:
            return

        def allow(committer: Committer, _: Plan) -> None:
            with committer.transaction() as connection:
                allow_silence(connection, limits)

        self._work(allow)
