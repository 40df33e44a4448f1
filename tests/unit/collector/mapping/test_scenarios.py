"""Scenarios of engines that were not recorded: failures, retries, children, runs that go on."""

import importlib
import pkgutil

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.config.limits import TenantsConfig
from tests.unit.collector.mapping import scenarios
from tests.unit.collector.mapping.histories import history, merged
from tests.unit.collector.mapping.scenarios.build import requests
from tests.unit.collector.mapping.together import Together

SCENARIOS = {
    f"{module.name}: {name}": scenario
    for module in pkgutil.iter_modules(scenarios.__path__)
    if module.name != "build"
    for name, scenario in importlib.import_module(
        f"{scenarios.__name__}.{module.name}"
    ).SCENARIOS.items()
}


@pytest.fixture(scope="module")
def together():
    """All of them in one store."""
    all_of_them = Together(
        {name: requests(scenario) for name, scenario in SCENARIOS.items()},
        {name: scenario.wanted for name, scenario in SCENARIOS.items()},
    )
    all_of_them.take_at_once()
    return all_of_them


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_holds_its_executions_and_steps(name, together):
    """issue #5: names, ids, statuses, attempts and parents exactly as the engine means them."""
    together.assert_holds(name)


def test_scenarios_hold_nothing_else(together):
    """issue #5: a message to a workflow, a poll or a line of a log is no execution."""
    together.assert_nothing_else()


@pytest.mark.timeout(240)  # eight seconds of work, on a machine that may be busy
def test_the_way_scenarios_arrive_does_not_matter(together):
    """issue #5: any order, partition, repetition and interleaving."""
    together.assert_any_order(seed=11, largest=80)


def test_one_commit_of_every_dialect_fits_into_the_memory_of_a_tenant(tmp_path):
    """issue #6: default limits; the engine must not need more the more dialects meet."""
    everything = merged(single for scenario in SCENARIOS.values() for single in requests(scenario))
    config = StoreConfig(memory_limit_bytes=TenantsConfig().memory_limit_bytes)
    with history(tmp_path / "tenant.duckdb", config=config) as store:
        store.take(everything)
        (found,) = store.rows("select count(distinct dialect) as dialects from stored.spans")
    assert found["dialects"] > 10
