-- Saved queries in order of their names. $name: only this one; null: all.
-- Columns: name, statement, params, description, saved_at in ns since the epoch.
select name, statement, params, description, epoch_ns(saved_at) as saved_at
from stored.queries
where cast($name as varchar) is null or name = cast($name as varchar)
order by name
