-- One execution. Its first commit stands in the condition because scans skip row groups by it.
-- $execution_id: the execution; $ingested_unix_nano: see locate.sql.
-- Columns: those of view executions, times in nanoseconds since the epoch (UTC).
select * replace (
    epoch_ns(queued_at) as queued_at,
    epoch_ns(started_at) as started_at,
    epoch_ns(ended_at) as ended_at,
    epoch_ns(last_seen_at) as last_seen_at,
    epoch_ns(e.ingested_at) as ingested_at,
    epoch_ns(updated_at) as updated_at
)
from executions as e
where e.execution_id = $execution_id
    and e.ingested_at = make_timestamp_ns(cast($ingested_unix_nano as bigint))
order by e.execution_id
