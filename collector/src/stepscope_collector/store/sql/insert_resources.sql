-- Stores resources not stored yet, from the registered batch `incoming_resources`.
insert into stored.resources by name
from incoming_resources i
where not exists (from stored.resources r where r.resource_id = i.resource_id)
