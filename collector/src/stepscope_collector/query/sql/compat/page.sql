-- A page of a workflow's executions as design 001 kept them, newest first.
-- $workflow_id; $status: word of design 001, null: any; $limit; $offset.
-- Columns: those of compat_001.executions.
select *
from compat_001.executions
where id in (
    select execution_id
    from main.executions
    where workflow_id = $workflow_id
        and ($status is null or compat_status(status, 'running', 'success', 'error') = $status)
    order by started_at desc nulls last, execution_id desc
    limit $limit offset $offset
)
order by started_at desc, id desc
