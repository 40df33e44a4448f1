-- The steps of an execution of design 000, in their order. $id: the execution.
select *
from execution_steps
where execution_id = $id
order by step_index, rowid
