-- The executions of a workflow. $workflow_id: its id. Column: their ids.
select execution_id
from main.executions
where workflow_id = $workflow_id::varchar
order by execution_id
