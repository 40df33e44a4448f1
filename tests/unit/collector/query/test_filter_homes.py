"""Attributes of our own that stand in columns, asked for by their keys."""

from typing import Any

from stepscope_collector.query.columns import parse_columns
from stepscope_collector.query.executions import execution_page
from stepscope_collector.query.filter.homes import home_column, home_payload
from stepscope_collector.store import Database
from stepscope_schema.attributes import BY_KEY, HOMES
from tests.unit.collector.query.history import NOW_NS, add_execution, add_payload, add_span

VALUES: dict[str, Any] = {"string": "some text", "int": 7, "bool": True}


def found(database: Database, text: str) -> list[str]:
    rows = execution_page(database, {"filter": text}, now_ns=NOW_NS, order="id").executions
    return [row.execution_id for row in rows]


def test_an_attribute_with_a_column_is_found_by_its_key(database: Database) -> None:
    """issue #7: attributes by path, wherever a value stands; found by walking the product."""
    writer = database.writer()
    keys = sorted(key for key in HOMES if home_column(key))
    wanted = {}
    for key in keys:
        home = HOMES[key]
        assert home.column is not None
        assert home.home is not None
        value = {"role": "step", "execution_id": f"{key} column"}.get(
            home.column, VALUES[home.type]
        )
        wanted[key] = str(value).lower() if home.type == "bool" else str(value)
        for where in ("column", "elsewhere", "map"):
            add_execution(writer, f"{key} {where}", started_unix_nano=NOW_NS)
        column = "short_workflow_name" if home.column == "workflow_name" else home.column
        own = {column: value, "execution_id": f"{key} column"}
        add_span(writer, span_id=1, home_bits=1 << home.home, **own)
        if home.column != "execution_id":
            add_span(writer, span_id=2, **{**own, "execution_id": f"{key} elsewhere"})
        add_span(writer, f"{key} map", 3, attributes={key: wanted[key]})
    for key in keys:
        of_key, value = f'id ~ "{key} "', wanted[key]
        expected = [f"{key} column", f"{key} map"]
        assert found(database, f'{of_key} and attributes.{key} = "{value}"') == expected
        assert found(database, f"{of_key} and attributes.{key} = none") == [f"{key} elsewhere"]
    name = "attributes.workflow.name"
    asked = {"filter": 'id ~ "workflow.name "'}
    columns = parse_columns([name])
    page = execution_page(database, asked, now_ns=NOW_NS, order="id", columns=columns)
    assert page.chosen is not None
    assert [row[name] for row in page.chosen] == ["some text", None, "some text"]


def test_an_attribute_that_is_a_payload_is_found_by_its_key(database: Database) -> None:
    """issue #7: attributes by path, wherever a value stands."""
    assert home_payload("stepscope.params") == "params"
    assert home_payload("my.key") is home_payload("error.type") is None
    for execution_id in ("e", "f"):
        add_execution(database.writer(), execution_id, started_unix_nano=NOW_NS)
    add_payload(database.writer(), "e", "params", '{"a": 1}', key="stepscope.params")
    assert found(database, 'attributes.stepscope.params ~ "a"') == ["e"]


def test_each_key_that_has_no_map_entry_has_a_place() -> None:
    """ours: a new home has to be found, too."""
    for key in HOMES:
        assert home_column(key) or home_payload(key), key
    assert home_column("service.name") is None
    assert set(HOMES) <= set(BY_KEY)
