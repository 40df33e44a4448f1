-- Every distinct instrumentation scope: its id and what rebuilds it.
select scope_id, name, version, attributes, attribute_types, dropped_attributes_count, raw, schema_url
from stored.scopes
order by scope_id
