-- Of the traces that the executions $execution_ids are in: how many rows tell of others, and the bounds in ns of all
-- their starts; null: they are in none. $first, $last: bounds of the starts of these executions.
-- Placeholder materialized: as in erase/list_prunable.
with given as (
    select unnest($execution_ids::varchar[]) as execution_id
), near as {materialized} (
    select trace_id, execution_id
    from stored.traces
    where last_start_unix_nano >= $first and first_start_unix_nano <= $last
), own as materialized (
    select distinct trace_id
    from near
    where execution_id in (select execution_id from given)
)
select
    count_if(execution_id not in (select execution_id from given)) as others,
    min(first_start_unix_nano) as first_start,
    max(last_start_unix_nano) as last_start
from stored.traces
where trace_id in (select trace_id from own)
