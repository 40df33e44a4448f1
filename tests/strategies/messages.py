"""Any OTLP message, made from its descriptor: every field, every kind of AnyValue, odd values included."""

from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

__all__ = ["messages"]

_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
_UINT32 = st.integers(0, (1 << 32) - 1)
_INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
_UINT64 = st.integers(0, (1 << 64) - 1)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: _TEXT,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=16),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}


def messages(kind: type[Message], *, nesting: int = 2) -> st.SearchStrategy[Any]:
    """Messages of `kind` whose values hold values at most `nesting` levels deep."""
    return _arguments(kind.DESCRIPTOR, nesting).map(lambda arguments: kind(**arguments))


@cache
def _arguments(kind: Any, nesting: int) -> st.SearchStrategy[dict[str, Any]]:
    optional = {
        field.name: _field(field, nesting)
        for field in kind.fields
        if not _is_too_deep(field, nesting)
    }
    oneofs = [[field.name for field in oneof.fields] for oneof in kind.oneofs]
    return st.fixed_dictionaries({}, optional=optional).map(lambda found: _one_each(found, oneofs))


def _one_each(found: dict[str, Any], oneofs: list[list[str]]) -> dict[str, Any]:
    """Without all but the first of each oneof."""
    for names in oneofs:
        for name in [name for name in names if name in found][1:]:
            del found[name]
    return found


def _is_too_deep(field: FieldDescriptor, nesting: int) -> bool:
    return nesting == 0 and field.name in {"array_value", "kvlist_value"}


def _field(field: FieldDescriptor, nesting: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        deeper = nesting - (field.name in {"array_value", "kvlist_value"})
        one: st.SearchStrategy[Any] = _arguments(field.message_type, deeper)
    elif field.enum_type is not None:
        one = st.sampled_from([value.number for value in field.enum_type.values] + [99])
    elif field.name in {"trace_id", "span_id", "parent_span_id"}:
        one = st.sampled_from([0, 7, 8, 16]).flatmap(lambda n: st.binary(min_size=n, max_size=n))
    else:
        one = _SCALARS[field.type]
    return st.lists(one, max_size=2) if field.default_value == [] else one
