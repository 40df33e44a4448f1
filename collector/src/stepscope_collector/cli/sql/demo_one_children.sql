-- The executions that one execution started. Parameters: $execution_id. Columns of executions.
select *
from executions
where parent_execution_id = $execution_id
order by started_at, execution_id
