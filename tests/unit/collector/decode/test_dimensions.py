"""Resources and scopes: once per distinct content."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    EntityRef,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from stepscope_collector.decode.batch import Batch, Dimension
from stepscope_collector.decode.dimensions import (
    add_resource,
    add_scope,
    content_id,
    encode_attributes,
    resource_of,
    scope_of,
)


def _pair(key: str, **value: object) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))  # type: ignore[arg-type] # any field


SERVICE = _pair("service.name", string_value="billing")


def test_the_id_stands_for_content_and_schema_url() -> None:
    """ours: equal content has one row, whatever request it came in."""
    resource = Resource(attributes=[SERVICE])
    assert content_id(resource, "") == content_id(Resource(attributes=[SERVICE]), "")
    different = {
        content_id(resource, ""),
        content_id(resource, "https://example.org/1"),
        content_id(Resource(), ""),
        content_id(Resource(dropped_attributes_count=1), ""),
    }
    assert len(different) == 4
    assert all(0 < found < 1 << 64 for found in different)


def test_an_empty_resource_and_an_empty_scope_have_different_ids() -> None:
    """ours: what remembers stored ids holds both kinds in one set."""
    assert content_id(Resource(), "") != content_id(InstrumentationScope(), "")


def test_a_resource_becomes_a_row() -> None:
    """OTLP: Resource and ResourceSpans.schema_url."""
    resource = Resource(
        attributes=[SERVICE, _pair("process.pid", int_value=7)], dropped_attributes_count=2
    )
    assert resource_of(resource, "u", 5) == Dimension(
        id=5,
        name="billing",
        version="",
        attributes={"service.name": "billing", "process.pid": "7"},
        attribute_types="si",
        dropped_attributes_count=2,
        raw=None,
        schema_url="u",
    )


def test_a_scope_becomes_a_row() -> None:
    """OTLP: InstrumentationScope and ScopeSpans.schema_url."""
    scope = InstrumentationScope(
        name="n", version="1", attributes=[_pair("a", string_value="b")], dropped_attributes_count=3
    )
    assert scope_of(scope, "u", 6) == Dimension(6, "n", "1", {"a": "b"}, None, 3, None, "u")


@pytest.mark.parametrize(
    "resource",
    [
        Resource(attributes=[SERVICE, _pair("service.name", string_value="last")]),
        Resource(entity_refs=[EntityRef(type="service")]),
    ],
)
def test_what_the_columns_cannot_hold_is_kept_whole(resource: Resource) -> None:
    """OTLP: C19; nothing is lost for what a map cannot say."""
    assert resource_of(resource, "", 1).raw == resource.SerializeToString()


def test_of_equal_keys_the_last_wins() -> None:
    """OTLP: C19, keys that stand twice; the order of the map is that of the first ones."""
    found = encode_attributes([
        _pair("a", int_value=1), _pair("b", bool_value=True), _pair("a", string_value="last"),
    ])  # fmt: skip
    assert found == ({"a": "last", "b": "true"}, "sb", False)
    assert list(found[0]) == ["a", "b"]


def test_strings_need_no_type_codes() -> None:
    """ours: null codes mean all strings."""
    texts = [_pair("a", string_value="x"), _pair("", string_value="")]
    assert encode_attributes(texts) == ({"a": "x", "": ""}, None, True)
    assert encode_attributes([]) == ({}, None, True)
    assert encode_attributes([_pair("a")]) == ({"a": None}, "n", True)


def test_a_batch_has_each_resource_and_scope_once() -> None:
    """ours: a thousand envelopes of one resource are one row."""
    batch = Batch("logs")
    resource, scope = Resource(attributes=[SERVICE]), InstrumentationScope(name="n")
    ids = {add_resource(batch, resource, "") for _ in range(3)}
    assert ids == set(batch.resources)
    scope_ids = {add_scope(batch, scope, "") for _ in range(3)}
    assert scope_ids == set(batch.scopes)
    assert [found.name for found in batch.resources.values()] == ["billing"]
    assert [found.name for found in batch.scopes.values()] == ["n"]
