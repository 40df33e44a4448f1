-- Those of the executions $execution_ids that are as they were at $planned_at (UTC) and not pinned, as
-- temporary table `erasing`. $first, $last: bounds of their starts in ns. Placeholder materialized: that word where
-- most of what starts in between is among them, for then it is cheaper to look at the starts alone first; else `not
-- materialized`.
create or replace temp table erasing as
with near as {materialized} (
    select execution_id, rowid as row_id, ingested_at, updated_at
    from stored.executions
    where first_unix_nano between $first and $last
        and updated_at <= $planned_at
)
select execution_id, row_id, ingested_at, updated_at
from near
where execution_id in (select unnest($execution_ids::varchar[]))
    and execution_id not in (select execution_id from stored.pins)
