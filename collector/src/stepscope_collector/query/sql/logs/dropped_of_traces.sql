-- How many log records were refused that named no execution and stood in a trace of this one.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql.
-- Columns: logs_dropped.
select coalesce(sum(dropped_count), 0)::bigint as logs_dropped
from stored.log_drops
where trace_id in (
    select trace_id
    from stored.traces
    where execution_id = $execution_id
        and last_start_unix_nano >= cast($first_unix_nano as ubigint)
        and first_start_unix_nano <= cast($last_start_unix_nano as ubigint)
)
order by logs_dropped
