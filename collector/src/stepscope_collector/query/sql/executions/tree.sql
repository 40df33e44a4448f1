-- Every execution of the tree that one execution stands in: those it was started by, up to the top,
-- and all that these started. A circle of parents ends where it began.
-- $execution_id: the execution; $limit: rows at most.
-- Columns: see TreeExecution in query/relatives.py but depth, times in nanoseconds since the epoch.
with recursive up as (
    select execution_id, parent_execution_id
    from stored.executions
    where execution_id = $execution_id
    union
    select p.execution_id, p.parent_execution_id
    from up
    join stored.executions p on p.execution_id = up.parent_execution_id
), down as (
    select execution_id from up
    union
    select c.execution_id
    from down
    join stored.executions c on c.parent_execution_id = down.execution_id
)
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
where execution_id in (select execution_id from down)
order by started_at nulls last, execution_id
limit $limit
