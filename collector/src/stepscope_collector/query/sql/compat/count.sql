-- How many executions a workflow has. $workflow_id; $status: word of design 001, null: any.
-- Column: the count.
select count(*)
from main.executions
where workflow_id = $workflow_id
    and ($status is null or compat_status(status, 'running', 'success', 'error') = $status)
