"""From contributions to the rows of the history, as columns for the store."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from arro3.core import Array, Table

from stepscope_collector.decode import arrow
from stepscope_collector.decode.span_columns import record_batch
from stepscope_collector.mapping.fold.attempts import Attempt
from stepscope_collector.mapping.fold.contribution import Contribution
from stepscope_collector.mapping.fold.executions import NAMED, Execution, executions_of
from stepscope_collector.mapping.fold.tree import Node, nodes_of
from stepscope_collector.mapping.profile import Profile

__all__ = ["Folded", "fold"]


@dataclass(frozen=True)
class Folded:
    """What whole traces say."""

    nodes: list[Node]
    executions: dict[str, Execution]

    def assigned(self) -> Any:
        """Arrow stream: where each span of `evidence` belongs.

        Columns: span_number, execution_id, role, and step_id and step_name where it is a step
        whose row is in stored.attempts.
        """
        return self._assigned

    @cached_property
    def _assigned(self) -> Any:
        found: list[tuple[int, str, str, str | None, str | None]] = []
        for node in self.nodes:
            for role, said in zip(node.roles, node.said, strict=True):
                found.append((said.span_number, node.execution_id, *_place(node, role, said)))
            if node.unsaid:
                found += [
                    (said.span_number, node.execution_id, *_place(node, "", said))
                    for said in node.unsaid
                ]
        numbers, executions, roles, step_ids, names = zip(*found, strict=True)
        return _table(
            {
                "span_number": arrow.uint64s(numbers),
                "execution_id": arrow.strings(executions),
                "role": arrow.strings(roles),
                "step_id": arrow.strings(step_ids),
                "step_name": arrow.strings(names),
            }
        )

    def touched(self) -> set[str]:
        """Executions whose rows may have changed: those of the spans, now and as stored."""
        return self._touched

    @cached_property
    def _touched(self) -> set[str]:
        touched = set(self.executions)
        for node in self.nodes:
            for said in node.said:
                touched.add(said.execution_before)
            for said in node.unsaid:
                touched.add(said.execution_before)
        return touched

    def execution_rows(self, wanted: set[str]) -> Any:
        """Arrow stream of rows of stored.executions, None when there are none.

        Args:
            wanted: the ids of those to give.
        """
        found = [each for key, each in sorted(self.executions.items()) if key in wanted]
        return _table(_execution_columns(found)) if found else None

    def attempt_rows(self, wanted: set[str]) -> Any:
        """Arrow stream of rows of stored.attempts of those executions, None when there are none."""
        found = [
            (each.execution_id, attempt)
            for key, each in sorted(self.executions.items())
            if key in wanted
            for attempt in each.attempts
            if not attempt.is_direct
        ]
        return _table(_attempt_columns(found)) if found else None


def fold(contributions: Iterable[Contribution], profiles: Mapping[str, Profile]) -> Folded:
    """What the spans of whole traces say together.

    Args:
        contributions: of all their spans, in any order.
        profiles: by dialect.
    """
    nodes = nodes_of(contributions, profiles)
    return Folded(nodes, executions_of(nodes, profiles))


def _place(node: Node, role: str, said: Contribution) -> tuple[str, str | None, str | None]:
    """Role, step and step name of a stored span."""
    if said.open_span_id is not None:  # a placeholder is not what it speaks of
        return (said.role if said.is_direct else None) or "operation", None, None
    if role.startswith("execution"):
        return "execution", None, None
    if role.startswith("step"):
        return "step", said.step_id or f"{node.span_id:016x}", said.step_name
    return "operation", None, None


def _table(columns: dict[str, Array]) -> Table:
    return Table.from_batches([record_batch(columns)])


def _execution_columns(found: list[Execution]) -> dict[str, Array]:
    said = [[each for node in one.nodes for each in node.said] for one in found]
    first = [
        min([c.started for c in of_it] + [a.started_unix_nano for a in one.attempts])
        for one, of_it in zip(found, said, strict=True)
    ]
    finals = [one.final for one in found]
    ended_tries = [[a for a in one.attempts if a.ended_unix_nano] for one in found]
    text = arrow.strings
    return {
        "execution_id": text([one.execution_id for one in found]),
        "dialect": text([one.dialect for one in found]),
        **{name: text([one.named[name] for one in found]) for name in NAMED},
        "parent_execution_id": text([one.parent_execution_id for one in found]),
        "continued_from_execution_id": text([one.continued_from_execution_id for one in found]),
        "started_unix_nano": arrow.uint64s([one.started_unix_nano for one in found]),
        "queued_unix_nano": arrow.uint64s([one.queued_unix_nano for one in found]),
        "first_unix_nano": arrow.uint64s(first),
        "last_seen_unix_nano": arrow.uint64s([max(c.seen for c in of_it) for of_it in said]),
        "last_start_unix_nano": arrow.uint64s(
            [max(c.start_unix_nano for c in of_it) for of_it in said]
        ),
        "trace_id": arrow.uuids(
            [bytes.fromhex(max(node.trace for node in one.nodes)) for one in found]
        ),
        "final_end_unix_nano": arrow.uint64s([one.ended_unix_nano for one in found]),
        "final_start_unix_nano": arrow.uint64s([f and f.start_unix_nano for f in finals]),
        "final_trace_id": text([f and f.trace for f in finals]),
        "final_span_id": arrow.uint64s([f and f.span_id for f in finals]),
        "status": text([one.status for one in found]),
        "status_native": text([f and f.status_native for f in finals]),
        "error_type": text([f and f.error_type for f in finals]),
        "error_message": text([f and f.error_message for f in finals]),
        "exit_code": arrow.int32s([f and f.exit_code for f in finals]),
        "try_count": arrow.int32s([one.try_count for one in found]),
        "attempt_count": arrow.uint64s([len(tries) for tries in ended_tries]),
        "failed_attempt_count": arrow.uint64s(
            [sum(a.status in ("failed", "timed_out") for a in tries) for tries in ended_tries]
        ),
        "span_count": arrow.uint64s(
            [sum(1 for c in of_it if c.open_span_id is None and c.end_unix_nano) for of_it in said]
        ),
    }


def _attempt_columns(found: list[tuple[str, Attempt]]) -> dict[str, Array]:
    tries = [attempt for _, attempt in found]
    said = [attempt.said for attempt in tries]
    text, number = arrow.strings, arrow.uint64s
    return {
        "execution_id": text([execution_id for execution_id, _ in found]),
        "step_id": text([each.step_id for each in tries]),
        "step_name": text([each.step_name for each in tries]),
        "step_type": text([each.step_type for each in tries]),
        "step_index": arrow.int32s([each.step_index for each in said]),
        "attempt": arrow.int32s([each.number for each in tries]),
        "max_attempts": arrow.int32s([each.max_attempts for each in said]),
        "is_expected_retry": arrow.bools([each.is_expected_retry for each in said]),
        "status": text([each.status for each in tries]),
        "status_native": text([each.status_native for each in tries]),
        "queued_unix_nano": number([each.queued_unix_nano for each in tries]),
        "started_unix_nano": number([each.started_unix_nano for each in tries]),
        "ended_unix_nano": number([each.ended_unix_nano for each in tries]),
        "last_seen_unix_nano": number([each.last_seen_unix_nano for each in tries]),
        "error_type": text([each.error_type for each in tries]),
        "error_message": text([each.error_message for each in tries]),
        "error_stack": text([each.error_stack for each in tries]),
        "dialect": text([each.dialect for each in said]),
        "trace_id": arrow.uuids([bytes.fromhex(each.trace) for each in said]),
        "span_id": number([each.node[1] for each in said]),
        "parent_span_id": number([each.parent_span_id for each in tries]),
    }
