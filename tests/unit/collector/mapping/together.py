"""Several recordings or scenarios in one store: cheap for many, and they meet as they would in life."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.unit.collector.mapping.histories import assert_holds, history, merged, parted, shown


@dataclass
class Together:
    """Requests of scenarios whose executions have ids of their own, and what each holds."""

    singles: dict[str, list[Any]]
    """By scenario: each span as a request of its own."""
    wanted: dict[str, list[dict[str, Any]]]
    """By scenario: its executions, in the words of expected.json."""
    found: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, Any] = field(default_factory=dict)

    def take_at_once(self):
        """Write all of them in one request."""
        ids = [each["id"] for wanted in self.wanted.values() for each in wanted]
        assert len(ids) == len(set(ids)), "two scenarios speak of one execution"
        with history() as store:
            store.take(merged(self._arriving()))
            self.found, self.tables = shown(store), store.tables()

    def assert_holds(self, name):
        """The executions of one scenario are those wanted."""
        ids = {each["id"] for each in self.wanted[name]}
        assert_holds(
            [each for each in self.found if each["execution_id"] in ids], self.wanted[name]
        )

    def assert_nothing_else(self):
        """No execution is found that no scenario wants."""
        wanted = {each["id"] for wanted in self.wanted.values() for each in wanted}
        assert {each["execution_id"] for each in self.found} == wanted

    def assert_any_order(self, seed, largest=6):
        """Any order and partition, with spans sent twice, gives the same tables; so does all of it twice.

        Args:
            seed: of the random order.
            largest: spans in a request, at most.
        """
        rng = random.Random(seed)
        with history() as store:
            for request in parted(self._arriving(), rng, largest):
                store.take(request)
            _assert_same(store.tables(), self.tables)
            store.take(merged(self._arriving()))
            _assert_same(store.tables(), self.tables)

    def _arriving(self):
        return [single for singles in self.singles.values() for single in singles]


def _assert_same(found, wanted):
    for table, rows in wanted.items():
        strange = [row for row in found[table] if row not in rows]
        missing = [row for row in rows if row not in found[table]]
        assert (strange, missing) == ([], []), table
