-- Status of one execution.
-- $execution_id: the execution.
-- Columns: status.
select status
from executions
where execution_id = $execution_id
order by status
