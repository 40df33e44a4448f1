-- How many log records of an execution were refused, and whether there are any of its traces to look for.
-- $execution_id: the execution.
-- Columns: logs_dropped (of those that named it); has_traces: some named no execution at all.
select
    coalesce(sum(dropped_count) filter (execution_id = $execution_id), 0)::bigint as logs_dropped,
    count(trace_id) > 0 as has_traces
from stored.log_drops
order by logs_dropped
