-- The traces that the executions in `erasing` are in, with the places of the rows that say so, as temporary
-- table `erasing_traces`. $first, $last: bounds of the starts in ns. Placeholder materialized: as in list_prunable.
create or replace temp table erasing_traces as
with near as {materialized} (
    select trace_id, execution_id, rowid as row_id
    from stored.traces
    where last_start_unix_nano >= $first and first_start_unix_nano <= $last
)
select trace_id, execution_id, row_id
from near
where execution_id in (select execution_id from erasing)
