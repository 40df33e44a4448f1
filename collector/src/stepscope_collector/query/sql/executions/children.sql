-- Executions that an execution started, in order of start; one that names itself as parent is none.
-- $execution_id: the parent; $limit: rows at most.
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
where e.parent_execution_id = $execution_id and e.execution_id <> $execution_id
order by e.started_at, e.execution_id
limit $limit
