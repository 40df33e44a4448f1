-- The newest 50 executions of a workflow with a status. $workflow, $status.
select execution_id, workflow_name, status, started_at, duration_ns
from executions
where workflow_id = $workflow and status = $status
order by started_at desc
limit 50
