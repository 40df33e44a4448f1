"""Attributes that stand in columns and payloads of their own instead of in the map.

The receiver moves them there in spans of our own (docs/reference/attributes.md); who asks for an
attribute by its key need not know that.
"""

from typing import Final

from stepscope_collector.query.filter.syntax import Field, Place
from stepscope_schema.attributes import HOMES

__all__ = ["home_column", "home_payload", "places_of"]

_COLUMN: Final = "select s.execution_id from {spans} s where {}"
_PAYLOAD: Final = "select p.execution_id from {payloads} p where p.kind = '{kind}' and {}"
_KEPT: Final = {"workflow_name": "restored(s.short_workflow_name, s.name)"}
"""How a column is read that is not kept as it was sent."""
_OF_KEY: Final = "case when p.key = {path} then p.body end"


def home_column(key: str) -> str | None:
    """The value of an attribute that has a column, as text, of a row `s` of stored.spans."""
    home = HOMES.get(key)
    if home is None or home.column is None or home.home is None:
        return None
    held = f"cast(s.home_bits as ubigint) & {1 << home.home} <> 0"
    column = _KEPT.get(home.column, f"s.{home.column}")
    return f"case when {held} then cast({column} as varchar) end"


def home_payload(key: str) -> str | None:
    """The kind of payload that an attribute is; None: it is none."""
    home = HOMES.get(key)
    return None if home is None or home.column is not None else home.payload


def places_of(field: Field, path: tuple[str, ...]) -> tuple[Place, ...]:
    """Where the values of a field are, with this path behind its name."""
    if field.name != "attributes" or not any("{spans}" in place.ids for place in field.places):
        return field.places
    key = ".".join(path)
    if (column := home_column(key)) is not None:
        return (*field.places, Place((column,), ids=_COLUMN))
    if (kind := home_payload(key)) is not None:
        return (*field.places, Place((_OF_KEY,), ids=_PAYLOAD.replace("{kind}", kind)))
    return field.places
