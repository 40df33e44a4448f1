-- A page of a workflow's executions, newest first.
-- $workflow_id; $status: word of design 001, null: any; $limit; $offset. Column: their ids.
select execution_id
from main.executions
where workflow_id = $workflow_id
    and ($status is null or compat_status(status, 'running', 'success', 'error') = $status)
order by started_at desc nulls last, execution_id desc
limit $limit offset $offset
