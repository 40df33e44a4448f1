-- Executions by their ids, in order of start, as they stand in a tree.
-- $execution_ids: list of ids; $limit: rows at most.
-- Columns: see TreeExecution in query/relatives.py but depth, times in nanoseconds since the epoch.
select
    execution_id,
    parent_execution_id,
    workflow_id,
    workflow_name,
    workflow_version,
    status,
    epoch_ns(started_at) as started_at,
    epoch_ns(ended_at) as ended_at,
    duration_ns,
    error_type,
    error_message
from executions
where execution_id in (select unnest(cast($execution_ids as varchar[])))
order by started_at nulls last, execution_id
limit $limit
