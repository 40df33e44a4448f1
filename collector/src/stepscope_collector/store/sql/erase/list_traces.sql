-- The traces that the executions in `erasing` are in, as temporary table `erasing_traces`, with the
-- bounds of all their spans of these executions in ns. $first, $last: bounds of the starts in ns.
create or replace temp table erasing_traces as
select
    trace_id,
    execution_id,
    min(first_start_unix_nano) as first_start_unix_nano,
    max(last_start_unix_nano) as last_start_unix_nano
from stored.traces
where execution_id in (select execution_id from erasing)
    and last_start_unix_nano >= $first and first_start_unix_nano <= $last
group by trace_id, execution_id
