-- Every workflow of the history, the one that started last first.
-- Columns: workflow_id; workflow_name (newest); count of executions; running; failed; first_started_at,
-- last_started_at in nanoseconds since the epoch (UTC); last_status, last_execution_id, last_version,
-- project and service_name of the execution that started last.
with grouped as materialized (
    select
        workflow_id,
        count(*) as count,
        count_if(status in ('running', 'queued', 'waiting', 'retrying'))::bigint as running,
        count_if(status in ('failed', 'timed_out'))::bigint as failed,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at
    from executions
    group by workflow_id
)
select
    g.workflow_id,
    e.workflow_name,
    g.count,
    g.running,
    g.failed,
    epoch_ns(g.first_started_at) as first_started_at,
    epoch_ns(g.last_started_at) as last_started_at,
    e.status as last_status,
    e.execution_id as last_execution_id,
    e.workflow_version as last_version,
    e.project,
    e.service_name
from grouped g
join executions e
    on e.workflow_id = g.workflow_id and e.started_at is not distinct from g.last_started_at
-- of several that started at the same time, one
qualify row_number() over (partition by g.workflow_id order by e.execution_id desc) = 1
order by g.last_started_at desc nulls last, g.workflow_id
