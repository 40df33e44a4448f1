-- Every distinct resource: its id and what rebuilds it.
select resource_id, attributes, attribute_types, dropped_attributes_count, raw, schema_url
from stored.resources
order by resource_id
