-- Every distinct instrumentation scope: its id and what rebuilds it. $ids: null means any.
select scope_id, name, version, attributes, attribute_types, dropped_attributes_count, raw, schema_url
from stored.scopes
where $ids::ubigint[] is null or scope_id in (select unnest($ids::ubigint[]))
order by scope_id
