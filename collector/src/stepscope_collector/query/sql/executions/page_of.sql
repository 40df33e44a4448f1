-- One page of executions that are known. The filter compiler puts the cutoff of the page and the
-- order in the place of the marks.
-- $ids: the executions.
-- Columns: those of view executions, times in nanoseconds since the epoch (UTC).
select * replace (
    epoch_ns(queued_at) as queued_at,
    epoch_ns(started_at) as started_at,
    epoch_ns(ended_at) as ended_at,
    epoch_ns(last_seen_at) as last_seen_at,
    epoch_ns(ingested_at) as ingested_at,
    epoch_ns(updated_at) as updated_at
)
from executions as e
where true /* filter */
    and e.execution_id in (select unnest($ids))
order by execution_id /* order */
