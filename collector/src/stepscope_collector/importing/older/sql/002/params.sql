-- The parameters of an execution of design 002. $id: the execution.
-- Columns: param_name, param_value.
select param_name, param_value
from execution_params
where execution_id = $id
order by rowid
