"""Removes executions: those somebody names, and those whose time is up, in small rounds between commits.

Which ones is asked beside the writer, and in what order they go; `rounds` removes them.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from stepscope_collector.config import RetentionConfig
from stepscope_collector.decode.batch import Plan as DecoderPlan
from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.query.load import sql
from stepscope_collector.retention.compaction import Compacted, compact
from stepscope_collector.retention.plan import (
    Plan,
    RuleCount,
    foresee,
    make_plan,
    merged,
    used_bytes,
)
from stepscope_collector.retention.room import Room, Sizes
from stepscope_collector.retention.rounds import Rounds
from stepscope_collector.retention.work import Queue, Work
from stepscope_collector.store import Database
from stepscope_collector.store.aside import copies_beside
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.eraser import Erased, Names
from stepscope_collector.store.journal import Unnoted
from stepscope_collector.store.memory import give_back_memory
from stepscope_collector.tee import Deleted
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.waiting import shutting_down

__all__ = ["Pruned", "Retention"]

logger = logging.getLogger(__name__)

_DELETED_AT_ONCE: Final = 64
"""Executions that are deleted in one transaction."""
_ROWS: Final = 20_000
_WORTH_BYTES: Final = 256 * 2**20
_TIMES_WRITTEN: Final = 3
"""A request may take this many times its size: in the backlog, in the log, in the file."""
_FREE_RATIO: Final = 0.9
"""Of what a look wanted to free: when so much of it is, it was enough."""
_MOST_TURNS: Final = 20
_IDLE_S: Final = 2.0
"""For so long questions that are under way may take before the engine is asked to free."""
_POLICY: Final = ("age_s", "_count", "_percent", "known_s")
"""Ends of the settings that say what is kept, and not how often somebody looks."""
_AT_ONCE: Final = 50_000
"""Executions that are chosen at one time."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a prune has removed, or would remove."""

    rules: list[RuleCount]
    erased: Erased
    """Rows removed; nothing in a dry run."""
    used_bytes: int
    """Of the database file, before."""
    longest_round_ns: int = 0
    """For so long commits waited at most."""


class Retention:
    """Everything that removes executions. Thread-safe.

    Args:
        database: the history.
        work: runs a round.
        config: the limits.
        telemetry: counts what was removed.
        tee: a queue that may hold what is deleted; None: there is none.
        clock: the time in ns since the epoch.
    """

    def __init__(
        self,
        database: Database,
        work: Work,
        config: RetentionConfig,
        telemetry: Telemetry,
        *,
        tee: Queue | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tee = tee
        self._database = database
        self._work = work
        self.config = config
        self._telemetry = telemetry
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._is_ending = threading.Event()
        self._rounds = Rounds(database, work, telemetry, clock, self.is_tight)
        self._sizes = Sizes(database)
        self._held_bytes = 0
        """Of what was removed for `max_bytes`, and the engine has not freed."""
        self.taken_bytes: Callable[[], int] = lambda: 0
        """Of all requests so far, as the collector tells."""
        self._spare_bytes = config.max_bytes // _TIMES_WRITTEN
        """So much was left for requests when last looked."""
        self._taken_then = 0
        """Of `taken_bytes`, at that look."""
        self.complaint: str | None = None
        """Why the file may become larger than `max_bytes`; None: it does not."""

    def close(self) -> None:
        """End what goes on after its round."""
        self._is_ending.set()

    @property
    def is_ending(self) -> bool:
        """Whether nothing is removed any more by itself."""
        return self._is_ending.is_set()

    def delete(self, execution_ids: Sequence[str]) -> Erased:
        """Remove every trace of executions; what comes of them later is dropped.

        Raises:
            NotFound: one of them is not stored; nothing was removed.
            StoreUnavailable: not now; nothing was removed.
        """
        self._check_stored(execution_ids)
        now = self._now()
        until = now + timedelta(seconds=self.config.deleted_known_s)
        return self._delete(execution_ids, now, until)

    def copies(self) -> list[str]:
        """Files of the data directory, beside the database, that may hold what was deleted."""
        return [] if self._database.path is None else copies_beside(self._database.path)

    def delete_user(self, user_id: str) -> Erased:
        """Remove every trace of all executions that ran for a user.

        Raises:
            NotFound: there are none.
            StoreUnavailable: not now; nothing was removed.
        """
        now = self._now()
        until = now + timedelta(seconds=self.config.deleted_known_s)
        erased = self._erase(lambda committer: committer.delete_user(user_id, now, until))
        if not erased.executions:
            raise NotFound(f"no execution ran for user {user_id!r}", hint="ids of users are exact")
        return erased

    def delete_workflow(self, workflow_id: str) -> Erased:
        """Remove every trace of all executions of a workflow, those that go on too (R045).

        Raises:
            NotFound: there are none.
            StoreUnavailable: not now; what was removed until then is.
        """
        now = self._now()
        until = now + timedelta(seconds=self.config.deleted_known_s)
        with self._database.read() as connection:
            asked = {"workflow_id": workflow_id}
            rows = connection.execute(sql("retention/of_workflow"), asked).fetchall()
        if not rows:
            raise NotFound(
                f"no execution of workflow {workflow_id!r}", hint="stepscope stats lists workflows"
            )
        ids = [execution_id for (execution_id,) in rows]
        total = Erased()
        for place in range(0, len(ids), _DELETED_AT_ONCE):
            total += self._delete(ids[place : place + _DELETED_AT_ONCE], now, until)
        logger.info("workflow deleted", extra={"workflow": workflow_id, **asdict(total)})
        return total

    def pin(self, execution_id: str) -> None:
        """Keep an execution whatever the limits say; NotFound, StoreUnavailable."""
        self._check_stored([execution_id])
        now = self._now()
        self._work(lambda committer, _: committer.pin(execution_id, now))

    def unpin(self, execution_id: str) -> None:
        """Keep an execution no longer than the limits say; NotFound, StoreUnavailable."""
        self._check_stored([execution_id])
        self._work(lambda committer, _: committer.pin(execution_id, None))

    def is_short(self) -> bool:
        """Whether the file may come over `max_bytes` before long, and more can be done about it."""
        if not self.config.max_bytes or self.complaint is not None:
            return False
        return self._look(self.config).is_short

    def is_tight(self) -> bool:
        """Whether senders are to be no faster than commits, so that removal keeps up with them.

        So it is as soon as requests may have taken what room was left when last looked.
        """
        if not (self.config.max_bytes and self.config.interval_s) or self.complaint is not None:
            return False
        return self.taken_bytes() - self._taken_then >= self._spare_bytes

    def report(self) -> dict[str, int | str | None]:
        """What `stepscope doctor` tells: the policy that is in force (R107), and why the cap may not hold."""
        policy: dict[str, int | str | None] = {
            name: value
            for name, value in asdict(replace(self.config, rules=())).items()
            if name == "max_bytes" or (value and name.endswith(_POLICY))
        }
        for number, rule in enumerate(self.config.rules, 1):
            policy[f"rule_{number}"] = rule.text
        return {**policy, "complaint": self.complaint}

    def keep_up(self) -> None:
        """Remove what is due, and forget what was deleted long ago; StoreUnavailable: not now."""
        if not self.config.is_any:
            self._forget()
            return
        self.prune()
        if self.config.compact and self._is_worth_it():
            self.compact()

    def compact(self) -> Compacted:
        """Make the file as small as what is in it.

        Raises:
            StoreUnavailable: a backup is being made, no space, in memory, or too much came in meanwhile; the
                file is as it was.
        """
        with self._one_at_a_time:
            done = compact(self._database, self._work)
            self._held_bytes = 0
            self._telemetry.observe("stepscope_compaction_wait_seconds", done.waited_ns / 1e9)
            return done

    def _is_worth_it(self) -> bool:
        if self._database.path is None or self._is_ending.is_set():
            return False
        room = self._sizes.look(self.config.max_bytes)
        is_too_large = bool(room.max_bytes) and room.total_bytes > room.max_bytes
        if not (room.free_bytes > max(room.used_bytes, _WORTH_BYTES) or is_too_large):
            return False
        return room.free_bytes > 0 and room.has_room_for_copy()

    def dry_run(self, config: RetentionConfig | None = None, workflow: str = "*") -> Pruned:
        """What `prune` would remove now."""
        config = config or self.config
        room = self._look(config)
        if room.is_short and room.log_bytes:
            room = self._checked(config)
        counts = foresee(self._database, config, self._clock(), room, workflow=workflow)
        return Pruned(counts, Erased(), used_bytes(room))

    def prune(self, config: RetentionConfig | None = None, workflow: str = "*") -> Pruned:
        """Remove what is due now.

        Args:
            config: other limits than those of the settings.
            workflow: only workflows whose id is like this.

        Raises:
            StoreUnavailable: not now, or the collector ends; what was removed until then is.
        """
        config = config or self.config
        began_s = time.monotonic()
        with self._one_at_a_time:
            room = self._settled(config)
            pruned = Pruned([], Erased(), room.used_bytes)
            is_for_bytes = bool(room.needed_bytes)
            turns = 0
            while True:
                turns += 1
                plan, pruned, is_freed = self._turn(config, workflow, room, pruned)
                is_done = len(plan.due) < _AT_ONCE and is_freed
                if is_done or turns == _MOST_TURNS or self._is_ending.is_set():
                    break
                room = self._look(config)
            if is_for_bytes:
                self._sizes.worked(time.monotonic() - began_s)
            if config == self.config:
                self._complain(room, is_at_end=bool(plan.needed_bytes) and not plan.executions)
        if not self._is_ending.is_set():
            self._forget()
        if pruned.erased != Erased():
            logger.info("history pruned", extra=asdict(pruned.erased))
        if self._is_ending.is_set():
            raise shutting_down()
        return pruned

    def _turn(
        self, config: RetentionConfig, workflow: str, room: Room, pruned: Pruned
    ) -> tuple[Plan, Pruned, bool]:
        """Plan, and remove what is planned; the plan, what is removed by now, and whether its space is free."""
        plan = self._plan(config, workflow, room)
        give_back_memory()  # that was needed to find out what is due
        pruned = self._carry_out(plan, pruned, config)
        if workflow == "*":
            pruned = self._prune_orphans(plan, pruned, config)
        is_freed = not plan.needed_bytes or self._give_back(plan, config)
        give_back_memory()
        if not self._is_ending.is_set():
            self._renew()
        return plan, pruned, is_freed

    def _renew(self) -> None:
        """Open the file anew if it is time: upkeep hardly ever finds a moment in which nobody asks while this goes on."""
        self._work(Unnoted(lambda committer, _: committer.renew_if_due(self._database.renew)))

    def _plan(self, config: RetentionConfig, workflow: str, room: Room) -> Plan:
        now_ns = self._rounds.begin()
        return make_plan(self._database, config, now_ns, room, workflow=workflow, most=_AT_ONCE)

    def _look(self, config: RetentionConfig) -> Room:
        taken = self.taken_bytes()
        room = replace(self._sizes.look(config.max_bytes), held_bytes=self._held_bytes)
        if config.max_bytes == self.config.max_bytes:
            self._spare_bytes, self._taken_then = room.spare_bytes // _TIMES_WRITTEN, taken
        return room

    def _settled(self, config: RetentionConfig) -> Room:
        """The sizes; where they may be too large, after a checkpoint that says how much is in use."""
        room = self._look(config)
        if self._held_bytes:
            self._free()
            self._held_bytes = 0
        elif room.is_short and room.log_bytes:
            return self._checked(config)
        else:
            return room
        return self._look(config)

    def _checked(self, config: RetentionConfig) -> Room:
        """The sizes after a checkpoint."""
        self._work(lambda committer, _: committer.checkpoint())
        return self._look(config)

    def _give_back(self, plan: Plan, config: RetentionConfig) -> bool:
        """See that what was removed for `max_bytes` is free; whether it is, or no more can be done now.

        The engine frees the space of a row group, 122,880 rows, when it writes it anew or most of it is
        removed: with large payloads that are gigabytes. And not before every question that has begun before
        has ended; to remove more meanwhile would empty the history and free nothing.
        """
        goal = plan.used_bytes - plan.needed_bytes * _FREE_RATIO
        self._work(lambda committer, _: committer.checkpoint())
        if self._look(config).used_bytes <= goal:
            return True
        is_alone = self._free()
        used = self._look(config).used_bytes
        if used <= goal or not plan.executions:
            return True
        if not is_alone:
            self._held_bytes = max(0, used - int(goal))
        return not is_alone

    def _free(self) -> bool:
        """Have the engine free what was removed; whether nobody's question was in the way."""
        self._database.wait_until_idle(_IDLE_S)

        def run(committer: Committer, _: DecoderPlan) -> bool:
            committer.free()
            return self._database.is_idle

        return self._work(run)

    def _complain(self, room: Room, *, is_at_end: bool) -> None:
        """Say so, once, when the file may become larger than it is to be: nothing is left to remove."""
        if not is_at_end:
            self.complaint = None
            return
        if self.complaint is None:
            logger.warning(
                "nothing more to remove for retention.max_bytes",
                extra={"used_bytes": room.used_bytes, "max_bytes": room.max_bytes},
            )
        self.complaint = (
            f"all that is left is running, pinned or came in just now: {room.used_bytes} bytes in use, "
            f"retention.max_bytes={room.max_bytes}"
        )

    def _prune_orphans(self, plan: Plan, pruned: Pruned, config: RetentionConfig) -> Pruned:
        """Remove what no execution owns: by age, or for want of space when nothing else is left."""
        if plan.needed_bytes and not plan.executions:
            before = self._now()
        elif config.max_age_s:
            before = self._now() - timedelta(seconds=config.max_age_s)
        else:
            return pruned
        while not self._is_ending.is_set():
            erased = self._work(lambda committer, _: committer.prune_orphans(before, _ROWS))
            self._count("due", erased)
            pruned = replace(pruned, erased=pruned.erased + erased)
            if max(erased.log_records, erased.metric_points) < _ROWS:
                break
        return pruned

    def _carry_out(self, plan: Plan, pruned: Pruned, config: RetentionConfig) -> Pruned:
        counts = merged([*pruned.rules, *plan.counts(config)])
        pruned = replace(pruned, rules=counts)
        rounds = self._rounds
        for due, run in ((plan.executions, rounds.prune), (plan.payloads, rounds.prune_payloads)):
            for chunk in rounds.chunks(due):
                if self._is_ending.is_set():
                    break
                erased, elapsed_ns = run(chunk, plan.planned_at)
                pruned = replace(
                    pruned,
                    erased=pruned.erased + erased,
                    longest_round_ns=max(pruned.longest_round_ns, elapsed_ns),
                )
        return pruned

    def _count(self, why: str, erased: Erased) -> None:
        for what, rows in asdict(erased).items():
            if rows:
                self._telemetry.add("stepscope_removed_rows_total", rows, what, why)

    def _forget(self) -> None:
        self._work(lambda committer, _: committer.forget_deleted(self._now()))

    def _delete(self, execution_ids: Sequence[str], now: datetime, until: datetime) -> Erased:
        return self._erase(lambda committer: committer.delete(execution_ids, now, until))

    def _erase(self, delete: Callable[[Committer], Erased]) -> Erased:
        """Remove from the history, then from the queue of the tee; StoreUnavailable."""

        def run(committer: Committer, _: DecoderPlan) -> tuple[Erased, Names | None]:
            erased = delete(committer)
            if self._tee is None or not erased.executions:
                return erased, None
            self._tee.begin_file()
            return erased, committer.deleted_names()

        erased, names = self._work(run)
        self._count("asked", erased)
        if self._tee is not None and names is not None:
            self._tee.erase(Deleted(*names))
        return erased

    def _check_stored(self, execution_ids: Sequence[str]) -> None:
        if not execution_ids:
            raise BadRequest("no execution is named", hint="stepscope delete ID")
        with self._database.read() as connection:
            rows = connection.execute(
                sql("retention/missing"), {"execution_ids": list(execution_ids)}
            ).fetchall()
        if rows:
            raise NotFound(
                f"there is no execution {rows[0][0]!r}",
                hint="stepscope executions lists them",
            )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1e9, UTC).replace(tzinfo=None)
