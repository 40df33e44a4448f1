-- The execution that started another one, if it is here.
-- $execution_id: the other one.
-- Columns: execution_id.
select parent_execution_id as execution_id
from stored.executions
where execution_key = execution_key($execution_id) and execution_id = $execution_id
    and parent_execution_id is not null
order by execution_id
