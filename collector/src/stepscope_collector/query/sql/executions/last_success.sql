-- The execution of a workflow that succeeded last among those that started before another one.
-- $workflow_id: the workflow, as view executions has it; $execution_id: the other one, which is not
-- meant itself; $before_ns: its start in nanoseconds since the epoch.
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
where e.workflow_id = $workflow_id
    and e.status = 'success'
    and e.execution_id <> $execution_id
    and e.started_at <= make_timestamp_ns(cast($before_ns as bigint))
order by e.started_at desc, e.execution_id
limit 1
