-- Those of the executions in `erasing` that were committed after $since (UTC), as temporary table
-- `young`: something of them may still be under way. $first, $last: bounds of their starts in ns.
create or replace temp table young as
select execution_id
from stored.executions
where execution_id in (select execution_id from erasing)
    and first_unix_nano between $first and $last
    and updated_at > $since
