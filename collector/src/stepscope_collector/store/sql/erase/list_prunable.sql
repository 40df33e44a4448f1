-- Those of the executions $execution_ids that are as they were at $planned_at (UTC) and not pinned, as
-- temporary table `erasing`. $first, $last: bounds of their starts in ns.
create or replace temp table erasing as
select execution_id, ingested_at, updated_at
from stored.executions
where execution_id in (select unnest($execution_ids::varchar[]))
    and first_unix_nano between $first and $last
    and updated_at <= $planned_at
    and execution_id not in (select execution_id from stored.pins)
