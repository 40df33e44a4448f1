-- The workflows whose id or name is $workflow. Columns: workflow_id.
select distinct workflow_id
from executions
where workflow_id = $workflow or workflow_name = $workflow
order by workflow_id
