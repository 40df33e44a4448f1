-- Every distinct resource: its id and what rebuilds it. $ids: null means any.
select resource_id, attributes, attribute_types, dropped_attributes_count, raw, schema_url
from stored.resources
where $ids::ubigint[] is null or resource_id in (select unnest($ids::ubigint[]))
order by resource_id
