-- Adds to the counts of executions that have lost records before. $execution_ids, $trace_ids (hex; one of
-- the two is null), $counts: one of each; $now: UTC time of the commit.
-- Columns: execution_id, trace_id (hex) of those.
update stored.log_drops d
set dropped_count = d.dropped_count + g.dropped, last_dropped_at = $now
from (
    select
        unnest($execution_ids) as execution_id,
        cast(unnest($trace_ids) as uuid) as trace_id,
        unnest($counts) as dropped
) g
where d.execution_id is not distinct from g.execution_id
    and d.trace_id is not distinct from g.trace_id
returning d.execution_id, trace_hex(d.trace_id) as trace_id
