-- Those of the executions in `erasing`, as list_prunable makes it, that were committed after $since (UTC), as temporary
-- table `young`: something of them may still be under way.
create or replace temp table young as
select execution_id
from erasing
where updated_at > $since
